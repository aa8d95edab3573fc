"""Slots of a lane that several processes share: each is a document, held under a lease that is renewed while it is used.

A process keeps a slot as long as it has work for it, and frees it a moment after. Whoever dies frees nothing: its slots come back when
their leases run out.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from engine.domain.errors import Unavailable
from engine.domain.ids import RandomBytes
from engine.runtime.lanes import Slots
from engine.storage.port import Conflict
from engine.storage.repositories.slots import HeldSlot, SlotRepository
from engine.usecases.journal import Clock

LOOKED_AT = 100
"""Slots that are looked at together for a vacant one."""
IDLE_SECONDS = 0.1
"""How long a slot is kept that nobody uses."""
AGAIN_SECONDS = 0.5
"""Before a slot is asked for again, while a step waits for one."""

CLOSING_SECONDS = 5.0
"""For giving slots back while the process ends."""

_log = logging.getLogger(__name__)


class LeasedSlots(Slots):
    """`run` must be under way, or nothing is renewed."""

    def __init__(
        self,
        repository: SlotRepository,
        limit: int,
        *,
        owner: str,
        lease: timedelta,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        super().__init__()
        self._repository = repository
        self._limit = limit
        self._owner = owner
        self._lease = lease
        self._clock = clock
        self._random_bytes = random_bytes
        self.gained: Callable[[], object] = bool
        """Called when a slot came that nobody here waited for."""
        self.lost: Callable[[], object] = bool
        """Called once for each slot that is used here and belongs to somebody else by now, until it is given back."""
        self._held: dict[int, HeldSlot] = {}
        self._used = 0
        self._told = 0
        """Of those that are used and were lost: how many it was told of."""
        self._asking: asyncio.Task[None] | None = None
        self._freeing: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()
        """Held by whoever writes slots, so that none is renewed while it is freed."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def held(self) -> int:
        return len(self._held)

    def take(self) -> bool:
        """None at once may mean one soon: it is asked for, and `gained` tells."""
        self._drop_lost()
        if self._used < len(self._held):
            self._used += 1
            return True
        self._ask()
        return False

    def give_back(self) -> None:
        self._drop_lost()
        if self._used <= len(self._held) and self._serve():
            return
        self._put_back()

    def _put_back(self) -> None:
        self._used -= 1
        self._told = min(self._told, max(0, self._used - len(self._held)))
        if self.awaited:
            self._ask()  # the one that was given back is somebody else's by now
        if self._freeing is None and not self._closed:
            self._freeing = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._free_soon)

    async def run(self, started: asyncio.Event) -> None:
        """Renews until cancelled."""
        started.set()
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                await self._renew()
            except Unavailable as error:
                _log.warning("slots of %s could not be renewed: %s", self._repository.path(0), error)

    async def close(self) -> None:
        """Frees what is held."""
        self._closed = True
        for waiting in (self._asking, self._freeing):
            if waiting is not None:
                waiting.cancel()
        async with self._lock:
            held, self._held = list(self._held.values()), {}
            try:
                async with asyncio.timeout(CLOSING_SECONDS):
                    await self._repository.free(held)
            except (Unavailable, TimeoutError) as error:
                _log.warning("slots of %s are freed by their leases: %s", self._repository.path(0), error)

    # -------------------------------------------------------------- getting one

    def _ask(self) -> None:
        if self._asking is None and len(self._held) < self._limit and not self._closed:
            self._asking = asyncio.create_task(self._obtain())
            self._asking.add_done_callback(self._asked)

    def _asked(self, task: "asyncio.Task[None]") -> None:
        self._asking = None
        if not task.cancelled() and task.exception() is not None:
            _log.error("a slot of %s could not be asked for", self._repository.path(0), exc_info=task.exception())
        if self.awaited:
            self._ask()

    async def _obtain(self) -> None:
        """One slot; where there is none, it is tried again after a while if a step waits. Executions are offered again by the sweep."""
        try:
            async with self._lock:
                obtained = await self._try()
        except Unavailable as error:
            _log.warning("slots of %s cannot be read: %s", self._repository.path(0), error)
            obtained = False
        if obtained:
            self._told = min(self._told, max(0, self._used - len(self._held)))
            if self._used < len(self._held):  # else it stands for one that is used here and was lost
                self._used += 1
                if not self._serve():
                    self._put_back()
                    self.gained()
        elif self.awaited:
            await asyncio.sleep(AGAIN_SECONDS * (0.5 + self._chance()))

    async def _try(self) -> bool:
        now = self._clock()
        start = int(self._chance() * self._limit)
        numbers = [(start + at) % self._limit for at in range(min(self._limit, LOOKED_AT))]
        numbers = [number for number in numbers if number not in self._held]
        # Its own among them are some whose commit was reported as failed.
        for number, rev in await self._repository.vacant(numbers, self._owner, now):
            try:
                taken = await self._repository.take(number, rev, self._owner, now + self._lease)
            except Conflict:
                continue
            self._held[number] = taken
            return True
        return False

    def _chance(self) -> float:
        return self._random_bytes(1)[0] / 256

    # -------------------------------------------------------------- keeping and freeing

    async def _renew(self) -> None:
        async with self._lock:
            self._drop_lost()
            before = list(self._held.values())
            if before:
                kept = await self._repository.renew(before, self._owner, self._clock() + self._lease)
                self._held = {slot.number: slot for slot in kept}
            untold = self._used - len(self._held) - self._told
        if untold > 0:
            _log.warning("%d slots of %s are used here and were lost", untold, self._repository.path(0))
            self._told += untold
            for _ in range(untold):
                self.lost()
        if self.awaited:
            self._ask()

    def _drop_lost(self) -> None:
        """Slots whose lease ran out belong to nobody: this process stood still."""
        now = self._clock()
        if any(slot.until <= now for slot in self._held.values()):
            self._held = {number: slot for number, slot in self._held.items() if slot.until > now}

    def _free_soon(self) -> None:
        self._freeing = None
        if not self._closed and self._used < len(self._held):
            task = asyncio.create_task(self._free_idle())
            self._tasks.add(task)
            task.add_done_callback(self._freed)

    def _freed(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("slots of %s could not be freed", self._repository.path(0), exc_info=task.exception())

    async def _free_idle(self) -> None:
        async with self._lock:
            idle = list(self._held)[: max(0, len(self._held) - self._used)]
            slots = [self._held.pop(number) for number in idle]
            try:
                await self._repository.free(slots)
            except Unavailable as error:
                _log.warning("slots of %s are freed by their leases: %s", self._repository.path(0), error)
