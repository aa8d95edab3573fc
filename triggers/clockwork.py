"""Fires schedules at their times. Those that are due soon are looked up beforehand, and fired to the millisecond."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from engine.domain.errors import Unavailable
from engine.usecases.services import Services
from engine.usecases.tending import Tending
from engine.usecases.triggers.scheduling import Due, fire
from engine.usecases.triggers.working import due_schedules

EVERY_SECONDS, SHARED_EVERY_SECONDS = 1.0, 5.0
"""Between looks, each of which finds what is due until the next; where others may write schedules, one may be found that late."""
AT_ONCE = 32
"""Schedules that are fired together: their commits are written together."""

Shards = Callable[[], Sequence[str]]
"""The shards that this process looks after, now."""

_log = logging.getLogger(__name__)


class Clockwork:
    def __init__(self, services: Services, shards: Shards) -> None:
        self._services = services
        self._shards = shards
        self._every = EVERY_SECONDS if services.store.exclusive else SHARED_EVERY_SECONDS
        self._tending = Tending("schedule")
        self._room = asyncio.Semaphore(AT_ONCE)

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled."""
        started.set()
        try:
            while True:
                await self._look()
                await asyncio.sleep(self._every)
        finally:
            await self._tending.close()

    async def _look(self) -> None:
        shards = tuple(self._shards())
        if not shards:
            return
        until = self._services.clock() + timedelta(seconds=self._every)
        try:
            found = await due_schedules(self._services, shards, until)
        except Unavailable as error:
            _log.warning("schedules could not be looked up: %s", error)
            return
        for due in found:
            self._tending.begin(due.schedule.trigger_id, partial(self._fire, due))

    async def _fire(self, due: Due) -> None:
        """All of its times that are due until the next look."""
        clock = self._services.clock
        noticed = clock()
        horizon = noticed + timedelta(seconds=self._every)
        at, left = due.schedule.due_at, due
        while at is not None and at <= horizon:
            await asyncio.sleep(max(0.0, (at - clock()).total_seconds()))
            async with self._room:
                after = await fire(self._services, left, noticed=max(noticed, at))
            if after is None:
                return
            at, left = after.schedule.due_at, after
