"""Writes as the writing connection applies them: checked and encoded before they wait in line."""

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from engine.storage.commit_limits import check_body, check_writes
from engine.storage.indexes import collection_at
from engine.storage.paths import split_document_path
from engine.storage.port import Create, Delete, Write
from engine.storage.sqlite.columns import Cells
from engine.storage.sqlite.tables import Row, Table

Tables = Mapping[str, Table]
"""By the collection's name."""


class Change(msgspec.Struct, frozen=True):
    """One write. `cells` and `body` are None for a deletion."""

    table: Table
    parent: str
    id: str
    must_be_absent: bool
    if_rev: int | None
    cells: Cells | None
    body: bytes

    def fits(self, row: Row | None) -> bool:
        """Whether the precondition holds for what is stored."""
        if self.must_be_absent:
            return row is None
        return self.if_rev is None or (row is not None and row.rev == self.if_rev)

    def apply(self, cursor: sqlite3.Cursor, row: Row | None) -> None:
        if self.cells is None:
            if row is not None:
                self.table.delete(cursor, row)
        elif row is None:
            self.table.insert(cursor, self.parent, self.id, self.cells, self.body)
        else:
            self.table.update(cursor, row, self.cells, self.body)


def changes(writes: Sequence[Write], tables: Tables) -> list[Change]:
    """Raises `BadRequest`, `PayloadTooLarge`, `UndeclaredQuery`, `UndeclaredField`."""
    check_writes(writes)
    return [_change(write, tables) for write in writes]


def _change(write: Write, tables: Tables) -> Change:
    parent, identifier = split_document_path(write.path)
    table = tables[collection_at(parent).name]
    if isinstance(write, Delete):
        return Change(table, parent, identifier, False, write.if_rev, None, b"")  # noqa: FBT003 - positional for speed
    check_body(write.body)
    create = isinstance(write, Create)
    if_rev = None if isinstance(write, Create) else write.if_rev
    return Change(table, parent, identifier, create, if_rev, table.encode(write.fields), write.body)
