"""The sweep: finds what nobody was told about. Hints may be lost; what is in the store is found here in the end.

Workers share the work by shards. Now and then each looks at all of them, so that nothing depends on who believes to be alive.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from engine.domain.errors import Unavailable
from engine.domain.status import ExecutionStatus
from engine.runtime.batches import BatchRunner
from engine.runtime.ready_queue import Ready
from engine.runtime.roster import ALL_SHARDS, Share
from engine.runtime.worker import Worker
from engine.storage.port import Document, FieldValue
from engine.storage.repositories.batches import BatchRepository
from engine.storage.repositories.decoding import IncompatibleData
from engine.storage.repositories.execution_queries import ExecutionQueries
from engine.storage.repositories.head import decode_head, shard_of
from engine.usecases.journal import Clock

EVERY_SECONDS = 1.0
ALL_EVERY = 15
"""Sweeps: of so many, one looks at all shards."""
_AT_ONCE = 200
_PAGES = 10
_REMEMBERED = 10_000

_log = logging.getLogger(__name__)


class Sweep:
    def __init__(
        self,
        *,
        queries: ExecutionQueries,
        batches: BatchRepository,
        worker: Worker,
        batch_runner: BatchRunner,
        share: Share,
        clock: Clock,
    ) -> None:
        self._queries = queries
        self._batches = batches
        self._worker = worker
        self._batch_runner = batch_runner
        self._share = share
        self._clock = clock
        self._seen: dict[Sequence[str], tuple[FieldValue, ...]] = {}
        """Where the last sweep of some shards stopped, if it did not come to the end."""
        self._number = 0
        self._unreadable: set[str] = set()

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
            except Exception:  # noqa: BLE001  # what nobody was told about is found by nobody else: one odd document must not end it
                _log.exception("a sweep failed; the next one tries again")
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self, now: datetime) -> None:
        self._number += 1
        shards = ALL_SHARDS if self._number % ALL_EVERY == 0 else tuple(self._share.shards)
        if not shards:
            return
        await self._offer_due(shards, now)
        await self._offer_queued(shards)
        for document in await self._batches.due(now, limit=_AT_ONCE):
            if shard_of(document.id) in shards:
                self._batch_runner.offer(document.path.split("/")[1], document.id)

    async def _offer_due(self, shards: Sequence[str], now: datetime) -> None:
        """All of them, or so many pages; then the next sweep goes on behind the last one, so that nobody is hidden by others."""
        for _ in range(_PAGES):
            heads = await self._queries.due(shards, now, start_after=self._seen.get(shards), limit=_AT_ONCE)
            self._offer(heads, overdue_at=now)
            if len(heads) < _AT_ONCE:
                self._seen.pop(shards, None)
                return
            if shards != ALL_SHARDS:
                self._seen = {share: seen for share, seen in self._seen.items() if share in (shards, ALL_SHARDS)}
            self._seen[shards] = (heads[-1].fields["due_at"], heads[-1].path)

    async def _offer_queued(self, shards: Sequence[str]) -> None:
        """By lane. Whoever gets a slot of a limited lane serves all of it: its slots are not shared out by shards."""
        for lane in await self._queries.lanes():
            limit = self._worker.takes(lane, _AT_ONCE)
            if limit > 0:
                among = ALL_SHARDS if self._worker.limits(lane) else shards
                heads = await self._queries.queued(lane, shards=among, limit=limit)
                self._worker.refresh(lane)
                self._offer(heads)

    def _offer(self, heads: Iterable[Document], *, overdue_at: datetime | None = None) -> None:
        for document in heads:
            try:
                state = decode_head(document).state
            except IncompatibleData as error:
                if document.path not in self._unreadable and len(self._unreadable) < _REMEMBERED:
                    self._unreadable.add(document.path)
                    _log.error("%s", error)  # a refusal, said once; the message is complete
                continue
            ready = Ready(tenant=state.tenant, execution_id=state.id, lane=state.lane, priority=state.priority)
            deadline = state.deadline if state.status is ExecutionStatus.QUEUED else None
            overdue = overdue_at is not None and deadline is not None and deadline <= overdue_at
            if overdue or state.terminal:
                self._worker.offer_brief(ready)
            else:
                self._worker.offer(ready)
