"""Fires schedules at their times. Those that are due soon are looked up beforehand, and fired to the millisecond."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from engine.domain.errors import Unavailable
from engine.usecases.services import Services
from engine.usecases.tending import Tending
from engine.usecases.triggers.scheduling import Due, bring_back, fire
from engine.usecases.triggers.working import due_schedules

EVERY_SECONDS, SHARED_EVERY_SECONDS = 1.0, 5.0
"""Between looks, each of which finds what is due until the next; where others may write schedules, one may be found that late."""
AT_ONCE = 32
"""Schedules that are fired together: their commits are written together."""

BACK = timedelta(seconds=30)
"""By so much a clock is set, and not only corrected."""
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

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
        jumps = Jumps(self._services.clock, asyncio.get_running_loop().time)
        started.set()
        try:
            while True:
                await self._look(jumps)
                await asyncio.sleep(self._every)
        finally:
            await self._tending.close()

    async def _look(self, jumps: "Jumps") -> None:
        shards = tuple(self._shards())
        if not shards:
            return
        until = self._services.clock() + timedelta(seconds=self._every)
        went_back = jumps.went_back()
        try:
            found = await due_schedules(self._services, shards, FOREVER if went_back else until)
        except Unavailable as error:
            _log.warning("schedules could not be looked up: %s", error)
            return
        if went_back:
            _log.warning("the clock went back: schedules that are ahead are brought back")
            jumps.heeded()
        for due in found:
            at = due.schedule.due_at
            if at is not None and at <= until:
                self._tending.begin(due.schedule.trigger_id, partial(self._fire, due))
            else:
                self._tending.begin(due.schedule.trigger_id, partial(self._bring_back, due))

    async def _bring_back(self, due: Due) -> None:
        async with self._room:
            await bring_back(self._services, due)

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


class Jumps:
    """Notices that the clock was set back, by the time that went by meanwhile."""

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead = self._offset()
        """By how much the clock was ahead of what went by, at the most."""

    def went_back(self) -> bool:
        """Until it is heeded."""
        offset = self._offset()
        self._ahead = max(self._ahead, offset)
        return self._ahead - offset >= BACK.total_seconds()

    def heeded(self) -> None:
        self._ahead = self._offset()

    def _offset(self) -> float:
        return self._clock().timestamp() - self._monotonic()
