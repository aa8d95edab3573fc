"""SqliteStore: the DocumentStore of a laptop and of a single server."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from engine.domain.errors import Unavailable
from engine.storage.indexes import COLLECTIONS, collection_at, require
from engine.storage.paths import split_document_path
from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Order, Write
from engine.storage.query_values import check_limit, distinct, matches_nothing
from engine.storage.sqlite.changes import changes
from engine.storage.sqlite.columns import Cell, RowFields
from engine.storage.sqlite.database import open_database
from engine.storage.sqlite.group_commit import GroupCommit
from engine.storage.sqlite.lock import FileLock
from engine.storage.sqlite.parameters import continuation, parameters
from engine.storage.sqlite.reader import Reader, Rows
from engine.storage.sqlite.selection import Selection, Selector
from engine.storage.sqlite.tables import Table

_BOUNDED_PAGE = 500
"""Documents that are read on the event loop at once."""


class SqliteStore(DocumentStore):
    """Made by `open`; use it from that event loop."""

    exclusive = True

    def __init__(self, reader: Reader, commits: GroupCommit, lock: FileLock | None) -> None:
        self._reader = reader
        self._commits = commits
        self._lock = lock
        self._tables = {each.name: Table(each) for each in COLLECTIONS.values()}
        self._selections: dict[tuple[Any, ...], Selection] = {}
        self._closing = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(cls, path: Path | None) -> Self:
        """`path` None keeps everything in memory, for this store alone. Directories are created.

        Raises `CannotOpenStore` if the file is open elsewhere, damaged, or of a newer version.
        """
        with ExitStack() as undo:
            lock = None
            if path is not None:
                lock = FileLock(path)
                lock.acquire()
                undo.callback(lock.release)
            connection = await asyncio.to_thread(open_database, path, COLLECTIONS.values())
            undo.callback(connection.close)
            store = cls(Reader(connection, path), GroupCommit(connection, path), lock)
            undo.pop_all()
        return store

    async def get(self, path: str) -> Document | None:
        parent, identifier = split_document_path(path)
        table = self._table(parent)
        rows = self._reader.fetch(table.get, (parent, identifier))
        return _document(table, rows[0]) if rows else None

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        found = []
        for position, path in enumerate(paths, start=1):
            found.append(await self.get(path))
            if position % _BOUNDED_PAGE == 0:
                await asyncio.sleep(0)
        return found

    async def query(
        self,
        collection: str,
        *,
        filters: Sequence[Filter] = (),
        order: Sequence[Order] = (),
        start_after: Sequence[FieldValue] | None = None,
        limit: int,
        bodies_only: bool = False,
    ) -> list[Document]:
        table = self._table(collection)
        check_limit(limit)
        filters = distinct(filters)
        bodies_only = bodies_only and "/" in collection
        columns = table.body_columns if bodies_only else table.read_columns
        continued = start_after is not None
        selection = self._selection(table, collection, filters, tuple(order), columns=columns, continued=continued)
        named = {"limit": limit, **parameters(table.collection, collection, filters)}
        if start_after is not None:
            named |= continuation(table.collection, order, start_after, group="/" not in collection)
        if matches_nothing(filters):
            return []
        rows = await self._fetch(selection, named, inline=selection.bounded and limit <= _BOUNDED_PAGE)
        if bodies_only:
            return [Document(path=f"{collection}/{row[0]}", rev=row[1], fields=_NO_FIELDS, body=row[2]) for row in rows]
        return [_document(table, row) for row in rows]

    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        table = self._table(collection)
        filters = distinct(filters)
        selection = self._selection(table, collection, filters, None)
        named = parameters(table.collection, collection, filters)
        if matches_nothing(filters):
            return 0
        ((number,),) = await self._fetch(selection, named, inline=False)
        return int(number)

    async def commit(self, writes: Sequence[Write]) -> None:
        if writes:
            await self._commits.submit(changes(writes, self._tables))

    async def close(self) -> None:
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            try:
                await self._reader.close()
                await self._commits.close()
            finally:
                if self._lock is not None:
                    self._lock.release()

    def _table(self, collection: str) -> Table:
        if self._closed:
            raise Unavailable("the store is closed")
        return self._tables[collection_at(collection).name]

    def _selection(
        self,
        table: Table,
        collection: str,
        filters: Sequence[Filter],
        order: tuple[Order, ...] | None,
        *,
        columns: tuple[str, ...] = (),
        continued: bool = False,
    ) -> Selection:
        """Each text is written once: what tells selections apart is all but the values."""
        shapes = tuple(
            (each.field, each.op, len(each.value) if isinstance(each.value, tuple) else 0) for each in filters
        )
        key = (table.name, "/" in collection, shapes, order, columns, continued)
        known = self._selections.get(key)
        if known is None:
            selector = Selector(require(collection, filters, order), filters)
            known = selector.count() if order is None else selector.page(columns, continued=continued)
            self._selections[key] = known
        return known

    async def _fetch(self, selection: Selection, named: dict[str, Cell], *, inline: bool) -> Rows:
        if inline:
            return self._reader.fetch(selection.sql, named)
        return await self._reader.fetch_aside(selection.sql, named)


_NO_FIELDS: Mapping[str, FieldValue] = {}


def _document(table: Table, row: tuple[Any, ...]) -> Document:
    return Document(path=f"{row[0]}/{row[1]}", rev=row[2], fields=RowFields(table.layout, row), body=row[3])
