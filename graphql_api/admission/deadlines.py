"""Ends operations that take too long, by one timer for all of them: to arm one for each costs as much as what a small one does."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

LOOK_SECONDS = 0.25
"""Between looks: how much later than its time an operation may be ended."""

_T = TypeVar("_T")


class Overdue(Exception):
    """An operation took longer than it may."""


class _Operation:
    __slots__ = ("cancelling", "ends_at", "expired", "task")

    def __init__(self, task: "asyncio.Task[object]", ends_at: float) -> None:
        self.task = task
        self.ends_at = ends_at
        self.cancelling = task.cancelling()
        self.expired = False


class Deadlines:
    """Of one event loop."""

    def __init__(self) -> None:
        self._under_way: set[_Operation] = set()
        self._looking: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None

    async def within(self, executing: Awaitable[_T], seconds: float) -> _T:
        """Raises `Overdue` where it takes longer: it has been cancelled then, as by `asyncio.timeout`."""
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        operation = _Operation(task, loop.time() + seconds)
        self._under_way.add(operation)
        if self._looking is None or self._looking[0] is not loop:
            self._look_later(loop)
        try:
            return await executing
        except asyncio.CancelledError as error:
            if operation.expired and task.cancelling() == operation.cancelling + 1:
                raise Overdue from error
            raise
        finally:
            self._under_way.remove(operation)
            if operation.expired:
                task.uncancel()

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = loop, loop.call_later(LOOK_SECONDS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """While there are operations; the next one begins to look again."""
        now = loop.time()
        for operation in self._under_way:
            if operation.ends_at <= now and not operation.expired:
                operation.expired = True
                operation.task.cancel()
        if self._under_way:
            self._look_later(loop)
        else:
            self._looking = None
