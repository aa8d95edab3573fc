"""A SQLite file that may not grow, which fails as a full disk does."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from engine.storage.sqlite import SqliteStore

_PLENTY = 1_000_000


@contextmanager
def full_disk(store: SqliteStore) -> Iterator[None]:
    connection = store._commits._connection
    (used,) = connection.execute("PRAGMA page_count").fetchone()
    _allow(connection, used)
    try:
        yield
    finally:
        _allow(connection, _PLENTY)


def _allow(connection: sqlite3.Connection, pages: int) -> None:
    connection.execute(f"PRAGMA max_page_count = {pages}").fetchone()
