"""Writing the rows behind a field that CONTAINS looks into: one for each of a document's strings."""
# ruff: noqa: S608 - the SQL is put together from declared names; values are parameters

import sqlite3
from collections.abc import Sequence

import orjson

from engine.storage.sqlite.columns import Cells
from engine.storage.sqlite.schema import Members


class MemberRows:
    """`fields` are the declared fields of the collection, in the order of its cells."""

    def __init__(self, members: Members, fields: Sequence[str]) -> None:
        self._field = fields.index(members.field)
        self._carried = tuple(fields.index(name) for name in members.carried)
        self._concerned = frozenset((self._field, *self._carried))
        places = ", ".join("?" * len(members.columns))
        self._insert = f"INSERT INTO {members.table} ({', '.join(members.columns)}) VALUES ({places})"
        self._delete = f"DELETE FROM {members.table} WHERE document = ?"

    def concerned(self, changed: Sequence[int]) -> bool:
        """Whether a change of the cells at these positions changes rows here."""
        return not self._concerned.isdisjoint(changed)

    def insert(self, cursor: sqlite3.Cursor, document: int | None, parent: str, identifier: str, cells: Cells) -> None:
        values = cells[self._field]
        if isinstance(values, str):
            carried = [cells[at] for at in self._carried]
            rows = [(document, value, parent, identifier, *carried) for value in set(orjson.loads(values))]
            cursor.executemany(self._insert, rows)

    def delete(self, cursor: sqlite3.Cursor, document: int) -> None:
        cursor.execute(self._delete, (document,))
