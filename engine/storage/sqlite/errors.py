"""What SQLite's failures mean to those who use the store."""

import sqlite3

from engine.domain.errors import Unavailable


class IncompatibleFile(Exception):
    """What is wrong with a file's tables, as a clause about `it`."""


def unavailable(error: sqlite3.Error) -> Unavailable:
    """Clients see the message, so it does not say where the file is."""
    return Unavailable(f"the store failed: {error}")


def busy(error: sqlite3.OperationalError) -> bool:
    """Whether somebody else, such as a person at the sqlite3 shell, holds the database's own lock."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
