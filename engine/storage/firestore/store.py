"""FirestoreStore: the DocumentStore that any number of processes share."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Self

from engine.domain.errors import Unavailable
from engine.storage.firestore.calls import CallFailed, Calls
from engine.storage.firestore.committer import Committer
from engine.storage.firestore.database import Database
from engine.storage.firestore.grpc_calls import GrpcCalls
from engine.storage.firestore.opening import cannot_open, locate
from engine.storage.firestore.outgoing import Commit
from engine.storage.firestore.patience import Patience
from engine.storage.firestore.queries import Query
from engine.storage.firestore.reader import Reader
from engine.storage.firestore.revisions import Revisions
from engine.storage.indexes import collection_at
from engine.storage.paths import split_document_path
from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Order, Write
from engine.storage.query_values import check_limit


class FirestoreStore(DocumentStore):
    """Made by `open`; use it from that event loop."""

    exclusive = False

    def __init__(self, database: Database, calls: Calls, patience: Patience | None = None) -> None:
        patience = patience or Patience()
        revisions = Revisions()
        self.deletes_expired = (
            database.emulator is None
        )  # by the policies that `weft provision` makes; emulators have none
        self._database = database
        self._calls = calls
        self._reader = Reader(database, calls, revisions, patience)
        self._committer = Committer(calls, self._reader, revisions, patience)
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._commits: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(cls, *, project: str | None, database: str, emulator: str | None) -> Self:
        """`project` None is that of the credentials; `emulator` is the `host:port` of one, and needs no credentials.

        Raises `CannotOpenStore` where there are no credentials, or the database does not answer to them; it says what to do.
        """
        located, credentials = await locate(project, database, emulator)
        store = cls(located, GrpcCalls(located, credentials))
        try:
            await store.check()
        except BaseException:
            await store.close()
            raise
        return store

    async def check(self) -> None:
        """Raises `CannotOpenStore` unless the database answers."""
        try:
            await self._reader.check()
        except CallFailed as failure:
            raise cannot_open(failure, self._database) from failure

    async def now(self) -> datetime:
        with self._open():
            return await self._reader.now()

    async def get(self, path: str) -> Document | None:
        _check_path(path)
        with self._open():
            return await self._reader.get(path)

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        for path in paths:
            _check_path(path)
        with self._open():
            return await self._reader.get_many(paths)

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
        del bodies_only  # Firestore sends whole documents
        check_limit(limit)
        query = Query(self._database, collection, filters, order, start_after=start_after, limit=limit)
        with self._open():
            return [] if query.finds_nothing else await self._reader.query(query)

    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        query = Query(self._database, collection, filters, None)
        with self._open():
            return 0 if query.finds_nothing else await self._reader.count(query)

    async def commit(self, writes: Sequence[Write]) -> None:
        if not writes:
            return
        commit = Commit(self._database, writes)
        self._begin()
        # A task of its own, so that it is carried on to its end when the caller is cancelled.
        task = asyncio.create_task(self._committer.commit(commit), name="firestore-commit")
        self._commits.add(task)
        task.add_done_callback(self._committed)
        await asyncio.shield(task)

    async def close(self) -> None:
        async with self._closing:
            if not self._closed:
                self._closed = True
                await self._idle.wait()
                await self._calls.close()

    def _committed(self, task: asyncio.Task[None]) -> None:
        self._commits.discard(task)
        self._end()

    @contextmanager
    def _open(self) -> Iterator[None]:
        """While it is entered, `close` waits."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    def _begin(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")
        self._under_way += 1
        self._idle.clear()

    def _end(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()


def _check_path(path: str) -> None:
    """Raises `BadRequest`, `UndeclaredQuery`."""
    parent, _ = split_document_path(path)
    collection_at(parent)
