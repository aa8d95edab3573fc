"""Loops that live as long as the engine."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Self

Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Runs until it is cancelled, and sets the event when it is ready."""

_log = logging.getLogger(__name__)


class Background:
    """They are cancelled when the context is left. One that dies is loud, and sets `died`: a process without it would look alive, and
    leave its work undone.
    """

    def __init__(self, died: asyncio.Event) -> None:
        self._died = died
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def start(self, loop: Loop) -> None:
        """Returns when it is ready. Raises what it dies of before that, which whoever asked for it has to tell."""
        started = asyncio.Event()
        task = asyncio.create_task(loop(started))
        self._tasks.append(task)
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task
        task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            _log.critical("a loop of the engine died", exc_info=task.exception())
            self._died.set()
