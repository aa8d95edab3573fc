"""Lanes: how much of a kind may run at a time. Lanes without a limit in the settings admit everything."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from itertools import count


class Slots:
    """A counting lock whose waiters are served by priority, higher first, then in order of arrival."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    @property
    def free(self) -> int:
        return self._free

    def take(self) -> bool:
        """A slot at once, or none."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    def give_back(self) -> None:
        while self._waiting:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)
                return
        self._free += 1

    @asynccontextmanager
    async def slot(self, priority: int) -> AsyncIterator[None]:
        """Waits for a slot, and holds it."""
        if not self.take():
            future = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (-priority, next(self._arrivals), future))
            try:
                await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    self.give_back()
                raise
        try:
            yield
        finally:
            self.give_back()


class Lanes:
    """`limits` by lane name. Executions and steps have slots of their own, so that an execution cannot starve its own steps."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._executions = {name: Slots(limit) for name, limit in limits.items()}
        self._steps = {name: Slots(limit) for name, limit in limits.items()}

    def take(self, lane: str) -> bool:
        """A slot for an execution, at once or not at all."""
        slots = self._executions.get(lane)
        return slots is None or slots.take()

    def give_back(self, lane: str) -> None:
        slots = self._executions.get(lane)
        if slots is not None:
            slots.give_back()

    def step(self, lane: str | None, priority: int) -> AbstractAsyncContextManager[None]:
        """Waits for a slot for a step, and holds it."""
        slots = self._steps.get(lane) if lane is not None else None
        return nullcontext() if slots is None else slots.slot(priority)
