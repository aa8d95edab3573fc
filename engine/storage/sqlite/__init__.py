"""The embedded store: one SQLite file, one process."""

from engine.storage.errors import CannotOpenStore
from engine.storage.sqlite.store import SqliteStore

__all__ = ["CannotOpenStore", "SqliteStore"]
