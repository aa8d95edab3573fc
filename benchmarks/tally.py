"""A store that counts the documents that are read and written through it, as a database bills them. The tests use it too."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Order, Write


@dataclass(slots=True, kw_only=True)
class Traffic:
    """`read` are documents: one for each that was asked for by its path, there or not; those that a query found, at least one."""

    written: int = 0
    commits: int = 0
    read: int = 0
    queries: int = 0

    def __add__(self, other: Self) -> "Traffic":
        return Traffic(
            written=self.written + other.written,
            commits=self.commits + other.commits,
            read=self.read + other.read,
            queries=self.queries + other.queries,
        )

    def take(self) -> "Traffic":
        """What was counted until now; it begins at nothing again."""
        taken = replace(self)
        self.written = self.commits = self.read = self.queries = 0
        return taken


@dataclass(slots=True)
class TallyingStore(DocumentStore):
    """Another store. `tenants` is what was asked of one tenant's documents: what requests and executions cost. `upkeep` is the rest,
    which processes ask by the clock: who is there, and what is due, of all tenants.
    """

    inner: DocumentStore
    tenants: Traffic = field(default_factory=Traffic)
    upkeep: Traffic = field(default_factory=Traffic)

    def take(self) -> Traffic:
        """All of it until now; it begins at nothing again."""
        return self.tenants.take() + self.upkeep.take()

    @property
    def exclusive(self) -> bool:  # type: ignore[override]  # it is the other's
        return self.inner.exclusive

    async def now(self) -> datetime | None:
        return await self.inner.now()

    async def get(self, path: str) -> Document | None:
        self._traffic(path).read += 1
        return await self.inner.get(path)

    async def get_many(self, paths: Sequence[str]) -> list[Document | None]:
        for path in dict.fromkeys(paths):
            self._traffic(path).read += 1
        return await self.inner.get_many(paths)

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
        found = await self.inner.query(
            collection, filters=filters, order=order, start_after=start_after, limit=limit, bodies_only=bodies_only
        )
        traffic = self._traffic(collection)
        traffic.queries += 1
        traffic.read += max(1, len(found))
        return found

    async def count(self, collection: str, *, filters: Sequence[Filter] = ()) -> int:
        traffic = self._traffic(collection)
        traffic.queries += 1
        traffic.read += 1
        return await self.inner.count(collection, filters=filters)

    async def commit(self, writes: Sequence[Write]) -> None:
        """One that is refused counts too."""
        for write in writes:
            self._traffic(write.path).written += 1
        if writes:
            self._traffic(writes[0].path).commits += 1
        await self.inner.commit(writes)

    async def close(self) -> None:
        await self.inner.close()

    def _traffic(self, path: str) -> Traffic:
        return self.tenants if path.startswith("tenants/") else self.upkeep
