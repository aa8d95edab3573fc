"""An event loop without real time, threads and sockets: when nothing is ready, the clock jumps to the next timer.

Everything that runs on it belongs to an owner (a simulated process) or to nobody (the store, the bus, the test). What an owner would do
while it is stopped is parked, as SIGSTOP does it; it goes on in its old order when the owner is let go.
"""

import asyncio
import heapq
from asyncio import Handle, TimerHandle
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

EARLY_SECONDS, MOVES_SECONDS = 0.0005, 0.0001
"""A timer rings a little before its time, as uvloop's do: it counts whole milliseconds. The clock moves on by so much at least."""
TURNS_BORNE = 20_000
"""Turns of the loop within one second of its time, before it is said to run in a circle: some hundred are usual."""


class Stuck(Exception):
    """Nothing is ready and no timer is set, or the clock does not move on any more."""


class Owner:
    """`tasks` are those that have not ended, in order of their creation."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopped = False
        self.parked: list[_OwnedHandle | _OwnedTimer] = []
        self.tasks: dict[asyncio.Task[Any], None] = {}

    def let_go(self) -> None:
        """What was parked is done now, unless it was cancelled meanwhile."""
        self.stopped = False
        parked, self.parked = self.parked, []
        loop = asyncio.get_running_loop()
        for handle in parked:
            loop.call_soon(handle.again, context=NOBODY)


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)
NOBODY = Context()
"""For what goes on whoever is stopped. Not for tasks: a context cannot be entered twice at a time."""


class _Owned:
    """A callback that is parked where its owner is stopped."""

    def _prepare(self, context: Context | None) -> None:
        self._owner = context.get(OWNER) if context is not None else OWNER.get()

    def _parked(self, handle: "_OwnedHandle | _OwnedTimer") -> bool:
        if self._owner is None or not self._owner.stopped:
            return False
        self._owner.parked.append(handle)
        return True


class _OwnedHandle(_Owned, Handle):
    def _run(self) -> None:
        if not self._parked(self):
            Handle._run(self)

    def again(self) -> None:
        if not self.cancelled():
            self._run()


class _OwnedTimer(_Owned, TimerHandle):
    def _run(self) -> None:
        if not self._parked(self):
            TimerHandle._run(self)

    def again(self) -> None:
        if not self.cancelled():
            self._run()


class _Task(asyncio.Task[Any]):
    """Sets of tasks are gone through in the order of the tasks' making, not of their addresses in memory."""

    def __init__(self, number: int, coroutine: Any, **more: Any) -> None:
        self.number = number
        super().__init__(coroutine, **more)

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.BaseEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._second, self._turns = 0.0, 0
        self._clock_resolution = EARLY_SECONDS + 1e-6
        self._selector = self
        self._made = 0
        self._all: dict[asyncio.Task[Any], Owner | None] = {}
        self.set_task_factory(self._task)

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """What the loop asks its selector for: here nothing ever comes from outside."""
        if timeout is None:
            raise Stuck("everybody waits, and for nobody")
        self._now += max(timeout - EARLY_SECONDS, min(timeout, MOVES_SECONDS))
        if self._now - self._second > 1:
            self._second, self._turns = self._now, 0
        self._turns += 1
        if self._turns > TURNS_BORNE:
            turning = [*self._ready, *self._scheduled][:5]  # type: ignore[attr-defined]  # the queues of BaseEventLoop
            raise Stuck(f"the clock stands still at {self._now:.3f}: {turning}")
        return []

    def _process_events(self, _events: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no thread to wake."""

    def _call_soon(self, callback: Callable[..., object], args: Any, context: Context | None) -> Handle:
        handle = _OwnedHandle(callback, args, self, context)
        handle._prepare(context)
        self._ready.append(handle)  # type: ignore[attr-defined]  # the queue of BaseEventLoop
        return handle

    def call_at(  # type: ignore[override]  # the generic signature adds nothing here
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        timer = _OwnedTimer(when, callback, args, self, context)
        timer._prepare(context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]  # the queue of BaseEventLoop
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """At once and here: a thread would have a time of its own."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it raises is raised where it is awaited
            future.set_exception(error)
        return future

    # -------------------------------------------------------------- tasks

    def _task(
        self, _loop: asyncio.AbstractEventLoop, coroutine: Any, context: Context | None = None, **more: Any
    ) -> "asyncio.Task[Any]":
        self._made += 1
        task = _Task(self._made, coroutine, loop=self, context=context or copy_context(), **more)
        owner = context.get(OWNER) if context is not None else OWNER.get()
        self._all[task] = owner
        if owner is not None:
            owner.tasks[task] = None
        task.add_done_callback(self._task_done, context=NOBODY)
        return task

    def _task_done(self, task: "asyncio.Task[Any]") -> None:
        owner = self._all.pop(task)
        if owner is not None:
            owner.tasks.pop(task)

    def end(self) -> None:
        """Cancels what is left, whoever is stopped, and however long it resists."""
        for _ in range(100):
            if not self._all:
                return
            self._turns = 0
            self.run_until_complete(self._cancel_all())

    async def _cancel_all(self) -> None:
        for owner in {owner: None for owner in self._all.values() if owner is not None}:
            owner.let_go()
        current = asyncio.current_task()
        for task in [task for task in self._all if task is not current]:
            task.cancel()
        await asyncio.sleep(1)


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, from the moment 0 on. Raises `Stuck`."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        try:
            loop.end()
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()
