"""A store that counts what it is asked for."""

from collections.abc import Sequence
from datetime import datetime

from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Order, Write


class CountedStore(DocumentStore):
    """`commits` holds what was committed, `reads` counts calls."""

    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner
        self.exclusive = inner.exclusive
        self.commits: list[Sequence[Write]] = []
        self.reads = 0

    @property
    def bytes_written(self) -> int:
        return sum(len(getattr(write, "body", b"")) for writes in self.commits for write in writes)

    async def now(self) -> datetime | None:
        return await self._inner.now()

    async def get(self, path: str) -> Document | None:
        self.reads += 1
        return await self._inner.get(path)

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        self.reads += 1
        return await self._inner.get_many(paths)

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
        self.reads += 1
        return await self._inner.query(
            collection, filters=filters, order=order, start_after=start_after, limit=limit, bodies_only=bodies_only
        )

    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        self.reads += 1
        return await self._inner.count(collection, filters=filters)

    async def commit(self, writes: Sequence[Write]) -> None:
        self.commits.append(writes)
        await self._inner.commit(writes)

    async def close(self) -> None:
        await self._inner.close()
