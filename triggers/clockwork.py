"""Fires schedules at their times. Those that are due soon are looked up beforehand, and fired to the millisecond."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from engine.domain.errors import Unavailable, WeftError
from engine.usecases.services import Services
from engine.usecases.triggers.scheduling import Due, fire
from engine.usecases.triggers.working import due_schedules

EVERY_SECONDS, SHARED_EVERY_SECONDS = 1.0, 5.0
"""Between looks, each of which finds what is due until the next; where others may write schedules, one may be found that late."""
AT_ONCE = 32
"""Schedules that are fired together: their commits are written together."""
FAILED_SECONDS = 60.0
"""Until a schedule is tried again that could not be fired for a reason of its own."""

Shards = Callable[[], Sequence[str]]
"""The shards that this process looks after, now."""

_log = logging.getLogger(__name__)


class Clockwork:
    def __init__(self, services: Services, shards: Shards) -> None:
        self._services = services
        self._shards = shards
        self._every = EVERY_SECONDS if services.store.exclusive else SHARED_EVERY_SECONDS
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, float] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled."""
        started.set()
        try:
            while True:
                await self._look()
                await asyncio.sleep(self._every)
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def _look(self) -> None:
        shards = tuple(self._shards())
        if not shards:
            return
        now = asyncio.get_running_loop().time()
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        until = self._services.clock() + timedelta(seconds=self._every)
        try:
            found = await due_schedules(self._services, shards, until)
        except Unavailable as error:
            _log.warning("schedules could not be looked up: %s", error)
            return
        for due in found:
            key = f"{due.tenant}/{due.schedule.trigger_id}"
            if key not in self._under_way and key not in self._resting:
                task = asyncio.create_task(self._fire(key, due))
                self._under_way[key] = task
                task.add_done_callback(partial(self._fired, key))

    def _fired(self, key: str, _: object) -> None:
        self._under_way.pop(key, None)

    async def _fire(self, key: str, due: Due) -> None:
        """All of its times that are due until the next look."""
        clock = self._services.clock
        horizon = clock() + timedelta(seconds=self._every)
        at, left = due.schedule.due_at, due
        try:
            while at is not None and at <= horizon:
                await asyncio.sleep(max(0.0, (at - clock()).total_seconds()))
                async with self._room:
                    after = await fire(self._services, left)
                if after is None:
                    return
                at, left = after.schedule.due_at, after
        except WeftError as error:
            # Somebody else was quicker, or the store does not answer: the next look sees what is still to be done.
            _log.info("schedule %s is left to the next look: %s", key, error)
        except Exception:  # noqa: BLE001  # a defect in one schedule must not end the loop that fires the others
            _log.exception("schedule %s could not be fired; it is tried again in a minute", key)
            self._resting[key] = asyncio.get_running_loop().time() + FAILED_SECONDS
