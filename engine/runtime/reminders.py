"""Executions that are looked at again at a time that is near, each at one time."""

import asyncio
from collections.abc import Callable

from engine.runtime.ready_queue import Ready


class Reminders:
    """`offer` gets each when its time has come, or a moment before."""

    def __init__(self, offer: Callable[[Ready], object]) -> None:
        self._offer = offer
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def remind(self, ready: Ready, seconds: float) -> None:
        """In so many seconds, and not when it was said before."""
        former = self._timers.pop(ready.execution_id, None)
        if former is not None:
            former.cancel()
        self._timers[ready.execution_id] = asyncio.get_running_loop().call_later(seconds, self._ring, ready)

    def cancel(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _ring(self, ready: Ready) -> None:
        self._timers.pop(ready.execution_id, None)
        self._offer(ready)
