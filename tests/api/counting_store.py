"""A store that counts what is asked of it, and can be made not to answer."""

from collections import Counter
from collections.abc import Sequence

from engine.domain.errors import Unavailable
from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Order, Write
from engine.storage.sqlite import SqliteStore


class CountingStore(DocumentStore):
    def __init__(self, store: SqliteStore) -> None:
        self._store = self.within = store
        self.exclusive = store.exclusive
        self.calls: Counter[str] = Counter()
        self.down = False

    def _count(self, call: str) -> None:
        self.calls[call] += 1
        if self.down:
            raise Unavailable("the disk is full")

    async def get(self, path: str) -> Document | None:
        self._count("get")
        return await self._store.get(path)

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        self._count("get_many")
        return await self._store.get_many(paths)

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
        self._count("query")
        return await self._store.query(
            collection, filters=filters, order=order, start_after=start_after, limit=limit, bodies_only=bodies_only
        )

    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        self._count("count")
        return await self._store.count(collection, filters=filters)

    async def commit(self, writes: Sequence[Write]) -> None:
        self._count("commit")
        await self._store.commit(writes)

    async def close(self) -> None:
        await self._store.close()
