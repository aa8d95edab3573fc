"""Gives events that were received to the triggers that take them, and tries again what could not be started."""

import asyncio
import logging

from engine.domain.errors import Unavailable, WeftError
from engine.usecases.services import Services
from engine.usecases.triggers.listening import hearing
from engine.usecases.triggers.working import Job, due_jobs
from triggers.clockwork import FAILED_SECONDS, Shards

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
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, float] = {}

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled. Hints make it quick; what nobody hinted at is found all the same."""
        async with hearing(self._services, self._done, at_once=AT_ONCE):
            started.set()
            try:
                while True:
                    await self._look()
                    await asyncio.sleep(self._every)
            finally:
                tasks = list(self._under_way.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self) -> None:
        shards = tuple(self._shards())
        now = asyncio.get_running_loop().time()
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        try:
            jobs = await due_jobs(self._services, shards, self._services.clock()) if shards else []
        except Unavailable as error:
            _log.warning("events that wait could not be looked up: %s", error)
            return
        for start in range(0, len(jobs), AT_ONCE):
            await asyncio.gather(*(self._done(job) for job in jobs[start : start + AT_ONCE]))

    async def _done(self, job: Job) -> None:
        """Once at a time; whoever comes meanwhile waits for it."""
        if job.key in self._resting:
            return
        task = self._under_way.get(job.key)
        if task is None:
            task = self._under_way[job.key] = asyncio.create_task(self._do(job))
            task.add_done_callback(lambda _: self._under_way.pop(job.key, None))
        await asyncio.shield(task)

    async def _do(self, job: Job) -> None:
        try:
            await job.do()
        except WeftError as error:
            # Somebody else was quicker, or the store does not answer: the next look sees what is still to be done.
            _log.info("%s is left to the next look: %s", job.key, error)
        except Exception:  # noqa: BLE001  # a defect about one event must not end the loop that serves the others
            _log.exception("%s could not be done; it is tried again in a minute", job.key)
            self._resting[job.key] = asyncio.get_running_loop().time() + FAILED_SECONDS
