"""Opening a database: connections with the right pragmas, and tables and indexes as they are declared."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.storage.errors import CannotOpenStore
from engine.storage.indexes import Collection
from engine.storage.sqlite.errors import IncompatibleFile
from engine.storage.sqlite.migration import declare

SCHEMA_VERSION = 1
"""Of the layout. Collections, fields and indexes may be added to a file without raising it."""

_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -32768",  # KiB, for each connection
    "PRAGMA secure_delete = OFF",  # some builds zero what they free, which doubles the writing
    "PRAGMA wal_autocheckpoint = 4000",  # pages: fewer pauses for a larger log
    "PRAGMA journal_size_limit = 67108864",
)


def connect(database: Path | None) -> sqlite3.Connection:
    """In autocommit mode; never waits for a lock, so it may be used on the event loop. Raises `CannotOpenStore`."""
    name = database or ":memory:"
    with _explained(database):
        connection = sqlite3.connect(
            name, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
    return connection


def open_database(database: Path | None, collections: Iterable[Collection]) -> sqlite3.Connection:
    """The connection that writes. Raises `CannotOpenStore`; then what is in the file is as it was."""
    connection = connect(database)
    try:
        with _explained(database):
            _check_version(connection)
            connection.execute("PRAGMA journal_mode = WAL")
            _declare(connection, collections)
    except BaseException:
        connection.close()
        raise
    return connection


def _declare(connection: sqlite3.Connection, collections: Iterable[Collection]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        declare(connection, collections)
        if _version(connection) < SCHEMA_VERSION:
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def _explained(database: Path | None) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, IncompatibleFile) as error:
        raise CannotOpenStore(f"{database or 'a database in memory'} cannot be opened: {error}") from error


def _check_version(connection: sqlite3.Connection) -> None:
    version = _version(connection)
    (objects,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
    if version > SCHEMA_VERSION:
        raise IncompatibleFile(
            f"its schema version is {version}, and this version of Weft knows versions up to {SCHEMA_VERSION}"
        )
    if version == 0 and objects:
        raise IncompatibleFile("it is a database, but not one of Weft's")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
