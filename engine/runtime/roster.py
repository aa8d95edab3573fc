"""Who sweeps what: the workers that are alive share the shards among them, without asking one another.

Every worker reads who is alive and computes the same shares (rendezvous hashing: when one comes or goes, only its share moves). While
views differ for a moment a shard is swept twice, or by nobody until the next round over all shards.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Protocol

from engine.domain.errors import Unavailable
from engine.storage.repositories.head import SHARDS
from engine.storage.repositories.workers import WorkerRepository
from engine.usecases.journal import Clock

LONGEST = timedelta(seconds=10)
"""Between two signs of life. With short leases they come more often: a dead worker's shards are taken over when its leases run out."""
LEAVING_SECONDS = 5.0
SIGNS_MISSED = 3
"""Until a worker counts as gone."""
ALL_SHARDS = tuple(f"{shard:02d}" for shard in range(SHARDS))

_log = logging.getLogger(__name__)


class Share(Protocol):
    """Which shards are this worker's to sweep."""

    @property
    def shards(self) -> Sequence[str]: ...


class Roster:
    def __init__(self, repository: WorkerRepository, worker_id: str, clock: Clock, lease: timedelta) -> None:
        self._every = min(LONGEST, lease / SIGNS_MISSED)
        self._repository = repository
        self._worker_id = worker_id
        self._left = False
        self._clock = clock
        self.shards: Sequence[str] = ALL_SHARDS
        """This worker's share; before it knows of others, everything."""

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled."""
        while not self._left:
            try:
                await self.once()
            except Unavailable as error:
                _log.warning("the other workers are not known: %s", error)
            started.set()
            await asyncio.sleep(self._every.total_seconds())

    async def once(self) -> None:
        now = self._clock()
        await self._repository.seen(self._worker_id, now + self._every * SIGNS_MISSED)
        alive = await self._repository.alive(now)
        shards = tuple(shard for shard in ALL_SHARDS if share_of(shard, alive) == self._worker_id)
        if shards != self.shards:
            _log.info("%d workers are alive; %d of %d shards are swept here", len(alive), len(shards), SHARDS)
        self.shards = shards

    async def leave(self) -> None:
        self._left = True
        try:
            async with asyncio.timeout(LEAVING_SECONDS):
                await self._repository.gone(self._worker_id)
        except (Unavailable, TimeoutError) as error:
            _log.info("the other workers will notice by themselves that this one left: %s", error)


class OnlyWorker:
    """The roster of a process that is the only one."""

    shards: Sequence[str] = ALL_SHARDS


def share_of(shard: str, workers: list[str]) -> str | None:
    """Whose share it is."""
    return max(workers, key=lambda worker: (_weight(shard, worker), worker), default=None)


def _weight(shard: str, worker: str) -> bytes:
    return blake2b(f"{shard}\x1f{worker}".encode(), digest_size=8).digest()
