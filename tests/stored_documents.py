"""Everything that an embedded store holds, so that a test can prove that nothing of it changed."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_NAMED_BY = ("parent", "id", "value")


def stored_in(database: Path) -> dict[str, str]:
    """A digest of every row of every table, whoever has the file open: documents by their path, index rows by theirs."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name: digest for (table,) in tables.fetchall() for name, digest in _rows(connection, table)}


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str]]:
    found = connection.execute(f"SELECT * FROM {table}")
    columns = [name for name, *_ in found.description]
    named_by = [columns.index(name) for name in _NAMED_BY if name in columns]
    for row in found:
        name = "/".join(str(row[column]) for column in named_by)
        yield f"{table}: {name}", hashlib.sha256(repr(row).encode()).hexdigest()[:12]


@contextmanager
def nothing_changes(database: Path) -> Iterator[None]:
    """Fails with the documents that were created, written or deleted in between."""
    before = stored_in(database)
    yield
    after = stored_in(database)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    assert changed == []
