"""Gives events that were received to the triggers that take them, and tries again what could not be started."""

import asyncio
import logging

from engine.domain.errors import Unavailable
from engine.usecases.services import Services
from engine.usecases.tending import Tending
from engine.usecases.triggers.listening import hearing
from engine.usecases.triggers.working import AT_ONCE as LOOKED_AT
from engine.usecases.triggers.working import Job, due_jobs
from triggers.clockwork import Shards

EVERY_SECONDS, SHARED_EVERY_SECONDS = 1.0, 5.0
"""Between looks at what is due; where each look at a shared store is paid for, hints have to do for what is in a hurry."""
AT_ONCE = 32
"""Jobs that are done together, so that their commits are written together."""

_log = logging.getLogger(__name__)


class Router:
    def __init__(self, services: Services, shards: Shards) -> None:
        self._services = services
        self._shards = shards
        self._every = EVERY_SECONDS if services.store.exclusive else SHARED_EVERY_SECONDS
        self._tending = Tending("event")

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled. Hints make it quick; what nobody hinted at is found all the same."""
        async with hearing(self._services, self._done, at_once=AT_ONCE):
            started.set()
            try:
                while True:
                    more = await self._look()
                    await asyncio.sleep(0 if more else self._every)
            finally:
                await self._tending.close()

    async def _look(self) -> bool:
        """Whether there may be more that is due."""
        shards = tuple(self._shards())
        try:
            jobs = await due_jobs(self._services, shards, self._services.clock()) if shards else []
        except Unavailable as error:
            _log.warning("events that wait could not be looked up: %s", error)
            return False
        done = 0
        for start in range(0, len(jobs), AT_ONCE):
            done += sum(await asyncio.gather(*(self._done(job) for job in jobs[start : start + AT_ONCE])))
        return done >= LOOKED_AT

    async def _done(self, job: Job) -> bool:
        """Whoever comes while it is under way waits for it, and does not cut it off by going away. False where it is left alone."""
        task = self._tending.begin(job.key, job.do)
        if task is None:
            return False
        await asyncio.shield(task)
        return True
