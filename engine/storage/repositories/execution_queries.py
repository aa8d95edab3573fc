"""Lists and counts of executions."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.domain.status import ExecutionStatus
from engine.storage.port import Document, DocumentStore, FieldValue, Filter, Op, Order
from engine.storage.repositories.head_view import HeadView, KnownHeads, head_view


class ExecutionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """All given conditions hold. `label` is `key=value`; times are exclusive."""

    workflow_id: str | None = None
    statuses: tuple[ExecutionStatus, ...] | None = None
    label: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    trigger_id: str | None = None
    batch_id: str | None = None
    parent_id: str | None = None


class ExecutionQueries:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self._known = KnownHeads()

    async def page(
        self,
        tenant: str,
        query: ExecutionQuery,
        *,
        descending: bool,
        start_after: tuple[datetime, str] | None,
        limit: int,
    ) -> list[HeadView]:
        """By creation time, then id."""
        documents = await self._store.query(
            f"tenants/{tenant}/executions",
            filters=_filters(query),
            order=(Order("created_at", descending=descending),),
            start_after=start_after,
            limit=limit,
            bodies_only=True,
        )
        return [self._known.view(document) for document in documents]

    async def count(self, tenant: str, query: ExecutionQuery) -> int:
        return await self._store.count(f"tenants/{tenant}/executions", filters=_filters(query))

    async def queued_for(self, tenant: str, concurrency_key: str, *, limit: int) -> list[HeadView]:
        """Executions that wait for a concurrency key or hold it without having begun: highest priority first, then oldest."""
        documents = await self._store.query(
            f"tenants/{tenant}/executions",
            filters=(
                Filter("concurrency_key", Op.EQ, concurrency_key),
                Filter("status", Op.EQ, ExecutionStatus.QUEUED.value),
            ),
            order=(Order("priority", descending=True), Order("created_at")),
            limit=limit,
        )
        return [head_view(document) for document in documents]

    async def due(
        self, shards: Sequence[str], now: datetime, *, start_after: tuple[FieldValue, ...] | None, limit: int
    ) -> list[Document]:
        """Heads of all tenants that a worker should look at."""
        return await self._store.query(
            "executions",
            filters=(Filter("shard", Op.IN, tuple(shards)), Filter("due_at", Op.LE, now)),
            order=(Order("due_at"),),
            start_after=start_after,
            limit=limit,
        )

    async def lanes(self) -> list[str]:
        """The lanes in which executions wait: one look-up for each."""
        found: list[str] = []
        while True:
            after = (Filter("queued_lane", Op.GT, found[-1]),) if found else ()
            heads = await self._store.query("executions", filters=after, order=(Order("queued_lane"),), limit=1)
            if not heads:
                return found
            found.append(str(heads[0].fields["queued_lane"]))

    async def leased(self, *, start_after: tuple[FieldValue, ...] | None, limit: int) -> list[Document]:
        """Heads of all tenants that somebody holds a lease on."""
        return await self._store.query(
            "executions", order=(Order("lease_until"),), start_after=start_after, limit=limit
        )

    async def queued(self, lane: str, *, shards: Sequence[str], limit: int) -> list[Document]:
        """Heads of all tenants that wait in a lane: highest priority first, then oldest."""
        return await self._store.query(
            "executions",
            filters=(Filter("shard", Op.IN, tuple(shards)), Filter("queued_lane", Op.EQ, lane)),
            order=(Order("priority", descending=True), Order("created_at")),
            limit=limit,
        )


def _filters(query: ExecutionQuery) -> tuple[Filter, ...]:
    equal = {
        "workflow_id": query.workflow_id,
        "trigger_id": query.trigger_id,
        "batch_id": query.batch_id,
        "parent_id": query.parent_id,
    }
    filters = [Filter(field, Op.EQ, value) for field, value in equal.items() if value is not None]
    if query.statuses is not None:
        filters.append(Filter("status", Op.IN, tuple(status.value for status in query.statuses)))
    if query.label is not None:
        filters.append(Filter("labels", Op.CONTAINS, query.label))
    if query.created_after is not None:
        filters.append(Filter("created_at", Op.GT, query.created_after))
    if query.created_before is not None:
        filters.append(Filter("created_at", Op.LT, query.created_before))
    return tuple(filters)
