"""A store that fails when a test says so."""

from collections.abc import Sequence

from engine.domain.errors import PayloadTooLarge, Unavailable
from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Order, Write


class FailingStore(DocumentStore):
    """Another store, whose commits fail as often as it is told: `failures` are not applied, `unanswered` are applied and reported as
    failed all the same, as by a database behind a network; `oversized` are refused as too large. `exclusive` False lets several engines
    use it.
    """

    def __init__(self, inner: DocumentStore, *, exclusive: bool = True) -> None:
        self._inner = inner
        self.exclusive = exclusive
        self.failures = 0
        self.unanswered = 0
        self.oversized = 0
        self.refused = 0
        self._on: tuple[str, int] | None = None

    def fail_on(self, part: str, *, after: int) -> None:
        """Refuse one commit that writes a document whose path has this part, after so many such commits."""
        self._on = (part, after)

    async def get(self, path: str) -> Document | None:
        return await self._inner.get(path)

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
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
        return await self._inner.query(
            collection, filters=filters, order=order, start_after=start_after, limit=limit, bodies_only=bodies_only
        )

    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        return await self._inner.count(collection, filters=filters)

    async def commit(self, writes: Sequence[Write]) -> None:
        if self._on is not None and any(self._on[0] in write.path for write in writes):
            part, after = self._on
            self._on = (part, after - 1) if after else None
            self.failures += not after
        if self.failures:
            self.failures -= 1
            self.refused += 1
            raise Unavailable("the disk is full")
        if self.oversized:
            self.oversized -= 1
            raise PayloadTooLarge("a document would have 2 MB")
        await self._inner.commit(writes)
        if self.unanswered:
            self.unanswered -= 1
            self.refused += 1
            raise Unavailable("no answer in time; it may have been applied")

    async def close(self) -> None:
        await self._inner.close()
