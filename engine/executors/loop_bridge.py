"""Lets synchronous user code, which runs in threads, call what is asynchronous in here."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class CalledOnTheLoop(RuntimeError):
    """A synchronous method was called on the event loop itself, which it would block for ever."""


class LoopBridge:
    """Runs coroutines on the event loop that was running when the bridge was made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def run(self, call: Coroutine[Any, Any, T], *, instead: str) -> T:
        """Blocks the calling thread until `call` is done. `instead` names what to call on the loop. Raises
        `CalledOnTheLoop`.
        """
        if _running_loop() is self._loop:
            call.close()
            raise CalledOnTheLoop(f"this call would block the event loop: await {instead} here")
        return asyncio.run_coroutine_threadsafe(call, self._loop).result()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
