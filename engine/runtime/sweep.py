"""The sweep: finds what nobody was told about. Hints may be lost; what is in the store is found here in the end."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime

from engine.domain.errors import Unavailable
from engine.domain.status import ExecutionStatus
from engine.runtime.batches import BatchRunner
from engine.runtime.ready_queue import Ready
from engine.runtime.worker import Worker
from engine.storage.port import Document, FieldValue
from engine.storage.repositories.batches import BatchRepository
from engine.storage.repositories.execution_queries import ExecutionQueries
from engine.storage.repositories.head import SHARDS, decode_head
from engine.usecases.journal import Clock

EVERY_SECONDS = 1.0
_AT_ONCE = 200
_PAGES = 10
_SHARDS = tuple(f"{shard:02d}" for shard in range(SHARDS))

_log = logging.getLogger(__name__)


class Sweep:
    def __init__(
        self,
        *,
        queries: ExecutionQueries,
        batches: BatchRepository,
        worker: Worker,
        batch_runner: BatchRunner,
        clock: Clock,
    ) -> None:
        self._queries = queries
        self._batches = batches
        self._worker = worker
        self._batch_runner = batch_runner
        self._clock = clock
        self._seen: tuple[FieldValue, ...] | None = None
        """Where the last sweep stopped, if it did not come to the end."""

    async def void_leases(self) -> None:
        """For a process that is the only one: every lease in the store is a former process's. Offers them all at once."""
        start_after: tuple[FieldValue, ...] | None = None
        while True:
            heads = await self._queries.leased(start_after=start_after, limit=_AT_ONCE)
            self._offer(heads)
            if len(heads) < _AT_ONCE:
                return
            start_after = (heads[-1].fields["lease_until"], heads[-1].path)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.once(self._clock())
            except Unavailable as error:
                _log.warning("the sweep found the store unavailable: %s", error)
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self, now: datetime) -> None:
        await self._offer_due(now)
        for lane in await self._queries.lanes():
            self._offer(await self._queries.queued(lane, limit=_AT_ONCE))
        for batch in await self._batches.due(now, limit=_AT_ONCE):
            self._batch_runner.offer(batch.tenant, batch.batch.id)

    async def _offer_due(self, now: datetime) -> None:
        """All of them, or so many pages; then the next sweep goes on behind the last one, so that nobody is hidden by others."""
        for _ in range(_PAGES):
            heads = await self._queries.due(_SHARDS, now, start_after=self._seen, limit=_AT_ONCE)
            self._offer(heads, overdue_at=now)
            if len(heads) < _AT_ONCE:
                self._seen = None
                return
            self._seen = (heads[-1].fields["due_at"], heads[-1].path)

    def _offer(self, heads: Iterable[Document], *, overdue_at: datetime | None = None) -> None:
        for document in heads:
            try:
                state = decode_head(document).state
            except Unavailable as error:
                _log.error("%s", error)  # the message is complete
                continue
            ready = Ready(tenant=state.tenant, execution_id=state.id, lane=state.lane, priority=state.priority)
            deadline = state.deadline if state.status is ExecutionStatus.QUEUED else None
            if overdue_at is not None and deadline is not None and deadline <= overdue_at:
                self._worker.offer_overdue(ready)
            else:
                self._worker.offer(ready)
