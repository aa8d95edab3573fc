"""Writing documents: the statements of one collection's table, and how a change is checked and applied."""
# ruff: noqa: S608 - the SQL is put together from declared names; values are parameters

import sqlite3
from collections.abc import Mapping

import msgspec

from engine.storage.indexes import Collection
from engine.storage.port import FieldValue
from engine.storage.sqlite.columns import DECODERS, ENCODERS, Cell, Cells, Layout, encode_cell
from engine.storage.sqlite.members import MemberRows
from engine.storage.sqlite.schema import members_of


class Row(msgspec.Struct, frozen=True):
    """What is stored of a document, apart from its body."""

    parent: str
    id: str
    key: int
    rev: int
    cells: Cells


class Table:
    """The rows of one collection. Reads and writes run on the connection of the caller's cursor, in its transaction."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.name = collection.name
        self.columns = tuple(collection.fields)
        """Of the declared fields."""
        self.body_columns = ("id", "rev", "body")
        """Of documents whose parent is known."""
        self.read_columns = ("parent", *self.body_columns, *self.columns)
        self.layout: Layout = {
            name: (position, DECODERS[collection.fields[name]]) for position, name in enumerate(self.columns, start=4)
        }
        types = collection.fields.items()
        self._encoders = {name: (position, ENCODERS[declared]) for position, (name, declared) in enumerate(types)}
        self._members = tuple(MemberRows(members, self.columns) for members in members_of(collection))
        self._select = f"SELECT {', '.join(('key', 'rev', *self.columns))} FROM {self.name} WHERE parent = ? AND id = ?"
        written = ("parent", "id", "rev", *self.columns, "body")
        self._insert = f"INSERT INTO {self.name} ({', '.join(written)}) VALUES ({', '.join('?' * len(written))})"
        self._delete = f"DELETE FROM {self.name} WHERE key = ?"
        self._updates: dict[tuple[int, ...], str] = {}
        self.get = f"SELECT {', '.join(self.read_columns)} FROM {self.name} WHERE parent = ? AND id = ?"

    def encode(self, fields: Mapping[str, FieldValue]) -> Cells:
        """Raises `UndeclaredField`."""
        cells: list[Cell] = [None] * len(self.columns)
        for name, value in fields.items():
            try:
                position, encode = self._encoders[name]
                cells[position] = None if value is None else encode(value)
            except (KeyError, TypeError):
                encode_cell(self.collection, name, value)  # says what is wrong
                raise
        return tuple(cells)

    def find(self, cursor: sqlite3.Cursor, parent: str, identifier: str) -> Row | None:
        found = cursor.execute(self._select, (parent, identifier)).fetchone()
        return Row(parent, identifier, found[0], found[1], found[2:]) if found else None

    def insert(self, cursor: sqlite3.Cursor, parent: str, identifier: str, cells: Cells, body: bytes) -> None:
        key = cursor.execute(self._insert, (parent, identifier, 1, *cells, body)).lastrowid
        for members in self._members:
            members.insert(cursor, key, parent, identifier, cells)

    def update(self, cursor: sqlite3.Cursor, row: Row, cells: Cells, body: bytes) -> None:
        """Names the changed columns alone: SQLite rewrites the index entries of every column that is named."""
        changed = tuple([at for at, cell in enumerate(cells) if cell != row.cells[at]])
        update = self._updates.get(changed) or self._prepare_update(changed)
        cursor.execute(update, (row.rev + 1, body, *(cells[at] for at in changed), row.key))
        for members in self._members:
            if members.concerned(changed):
                members.delete(cursor, row.key)
                members.insert(cursor, row.key, row.parent, row.id, cells)

    def _prepare_update(self, changed: tuple[int, ...]) -> str:
        columns = ("rev", "body", *(self.columns[at] for at in changed))
        update = f"UPDATE {self.name} SET {', '.join(f'{column} = ?' for column in columns)} WHERE key = ?"
        self._updates[changed] = update
        return update

    def delete(self, cursor: sqlite3.Cursor, row: Row) -> None:
        cursor.execute(self._delete, (row.key,))
        for members in self._members:
            members.delete(cursor, row.key)
