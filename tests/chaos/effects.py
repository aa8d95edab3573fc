"""What the functions of workflows really did, seen from outside of every engine."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from tests.chaos.trace import Trace
from tests.chaos.virtual_loop import OWNER


class Call(msgspec.Struct):
    """One run of a function's body. `attempt` is what the engine said it was."""

    execution_id: str
    path: str
    attempt: int
    process: str
    lane: str | None
    began: float
    ended: float | None = None


class Effects:
    """`observers` are told of every call before it does anything."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.calls: list[Call] = []
        self.in_lanes: list[Call] = []
        self.observers: list[Callable[[Call], None]] = []

    @contextmanager
    def call(self, execution_id: str, path: str, attempt: int, lane: str | None = None) -> Iterator[Call]:
        owner = OWNER.get()
        process = owner.name if owner is not None else "-"
        now = asyncio.get_running_loop().time
        call = Call(execution_id=execution_id, path=path, attempt=attempt, process=process, lane=lane, began=now())
        self.calls.append(call)
        if lane is not None:
            self.in_lanes.append(call)
        self._trace.add(process, f"runs {execution_id[:9]} {path} attempt {attempt}")
        for observer in self.observers:
            observer(call)
        try:
            yield call
        finally:
            call.ended = now()


EFFECTS: ContextVar[Effects] = ContextVar("effects")
