"""Threads for synchronous user code, some of which never comes back."""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


class ThreadsExhausted(Exception):
    """Too many calls hang in their threads; the process has to be restarted to be rid of them."""


class Threads:
    """Runs calls in at most `size` threads at a time.

    A thread cannot be stopped: when the caller of `run` is cancelled (a timeout, a cancelled execution), the call goes
    on in its thread, abandoned, and another thread takes its place. With `most_abandoned` of them, `run` refuses
    further calls. Threads are daemons, since a call that hangs must not keep the process from ending. All state belongs
    to the event loop.
    """

    def __init__(self, size: int = 32, *, most_abandoned: int = 256) -> None:
        self._slots = asyncio.Semaphore(size)
        self._size = size
        self._most_abandoned = most_abandoned
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._idle = 0
        self._started = 0
        self._closed = False
        self.abandoned = 0
        """Calls that nobody waits for any more."""

    async def run(self, call: Callable[[], T], *, name: str) -> T:
        """What `call` returns or raises; it sees the context variables of the caller. `name` is for the log.

        Raises `ThreadsExhausted`.
        """
        async with self._slots:
            if self.abandoned >= self._most_abandoned:
                raise ThreadsExhausted(
                    f"{self.abandoned} abandoned calls still hang in their threads; restart this worker"
                )
            running = _Call(call, name)
            self._submit(running)
            try:
                result: T = await running.future
            finally:
                if running.future.cancelled() and not running.ended:
                    self._abandon(running)
            return result

    async def close(self) -> None:
        """Lets the idle threads end; those under way end after their call. Idempotent."""
        self._closed = True
        self._release(keep=0)

    def _submit(self, running: "_Call") -> None:
        if self._idle:
            self._idle -= 1
        else:
            self._started += 1
            threading.Thread(target=self._work, name=f"weft-function-{self._started}", daemon=True).start()
        self._queue.put(running)

    def _abandon(self, running: "_Call") -> None:
        running.abandoned = True
        self.abandoned += 1
        _log.warning("%s still runs in its thread though its step has ended", running.name)

    def _work(self) -> None:
        while (running := self._queue.get()) is not None:
            outcome = running.outcome()
            try:
                running.loop.call_soon_threadsafe(self._ended, running, *outcome)
            except RuntimeError:  # the loop is closed: nobody waits, and no further call can come
                return
            del running, outcome

    def _ended(self, running: "_Call", result: Any, error: BaseException | None) -> None:
        self._idle += 1
        running.ended = True
        if running.abandoned:
            self.abandoned -= 1
            _log.warning("%s has come back after its step had ended", running.name)
        elif error is not None and not running.future.done():
            running.future.set_exception(error)
        elif not running.future.done():  # it is done where its caller was cancelled and has not run since
            running.future.set_result(result)
        self._release(keep=0 if self._closed else self._size)

    def _release(self, keep: int) -> None:
        while self._idle > keep:
            self._idle -= 1
            self._queue.put(None)


class _Call:
    """One call and the future of its caller."""

    def __init__(self, call: Callable[[], Any], name: str) -> None:
        self._call = call
        self._context = contextvars.copy_context()
        self.name = name
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.abandoned = False
        self.ended = False

    def outcome(self) -> tuple[Any, BaseException | None]:
        try:
            return self._context.run(self._call), None
        except StopIteration as error:
            # A future cannot carry it: to the coroutine that awaits it would look like its own return.
            return None, RuntimeError(f"the call raised StopIteration: {error}")
        except BaseException as error:  # noqa: BLE001 - whatever the call raises is raised again where it is awaited
            return None, error
