"""Lanes: how much of a kind may run at a time. Lanes without a limit in the settings admit everything."""

import asyncio
import heapq
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from itertools import count


class Slots(ABC):
    """A counting lock whose waiters are served by priority, higher first, then in order of arrival."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    @abstractmethod
    def take(self) -> bool:
        """A slot at once, or none."""

    @abstractmethod
    def _put_back(self) -> None:
        """A slot that nobody waits for."""

    def give_back(self) -> None:
        if not self._serve():
            self._put_back()

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

    @property
    def awaited(self) -> bool:
        """Whether somebody waits."""
        return any(not future.done() for _, _, future in self._waiting)

    def _serve(self) -> bool:
        """Hands a slot to the first who waits, if anybody does."""
        while self._waiting:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)
                return True
        return False


class LocalSlots(Slots):
    """Where this process is the only one."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._free = limit

    @property
    def free(self) -> int:
        return self._free

    def take(self) -> bool:
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    def _put_back(self) -> None:
        self._free += 1


class Lanes:
    """`limits` by lane name. Executions and steps have slots of their own, so that an execution cannot starve its own steps;
    `slots` makes them, given the lane, `execution` or `step`, and how many there are.
    """

    def __init__(
        self,
        limits: Mapping[str, int],
        slots: Callable[[str, str, int], Slots] = lambda _, __, limit: LocalSlots(limit),
    ) -> None:
        self._executions = {name: slots(name, "execution", limit) for name, limit in limits.items()}
        self._steps = {name: slots(name, "step", limit) for name, limit in limits.items()}

    @property
    def limited(self) -> Collection[str]:
        """Those with a limit."""
        return self._executions.keys()

    def limits(self, lane: str) -> bool:
        """Whether the lane has a limit."""
        return lane in self._executions

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
