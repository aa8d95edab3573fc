"""Firestore's calls over the emulator, with answers that get lost and errors that the emulator never gives."""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence

from grpc import StatusCode  # type: ignore[import-untyped]  # grpcio ships no types

from engine.storage.firestore.calls import CallFailed, Calls
from engine.storage.firestore.messages import Message

CarryOut = Callable[[], Awaitable[Message]]
Fault = Callable[[CarryOut], Awaitable[Message]]
"""What happens to one call instead of it."""


def refused(code: StatusCode, details: str = "") -> Fault:
    """The call is not carried out."""

    async def fault(_carry_out: CarryOut) -> Message:
        raise CallFailed(code, details)

    return fault


def unanswered(code: StatusCode, meanwhile: Callable[[], Awaitable[None]] | None = None) -> Fault:
    """The call is carried out, then something else happens, then the caller gets an error."""

    async def fault(carry_out: CarryOut) -> Message:
        await carry_out()
        if meanwhile is not None:
            await meanwhile()
        raise CallFailed(code, "")

    return fault


def after(what: Callable[[], Awaitable[None]], code: StatusCode | None = None) -> Fault:
    """Something else happens first; with a code, nothing more than that."""

    async def fault(carry_out: CarryOut) -> Message:
        await what()
        if code is not None:
            raise CallFailed(code, "")
        return await carry_out()

    return fault


async def doubled(carry_out: CarryOut) -> Message:
    """An earlier try of the same is carried out at last, right before this one."""
    await carry_out()
    return await carry_out()


class FailingCalls(Calls):
    """`commits` and `reads` are consumed from the left, one for each call. `asked` counts the calls."""

    def __init__(self, inner: Calls) -> None:
        self._inner = inner
        self.commits: deque[Fault] = deque()
        self.reads: deque[Fault] = deque()
        self.asked: Counter[str] = Counter()

    async def commit(self, request: Message, seconds: float) -> Message:
        return await self._call("commit", self.commits, lambda: self._inner.commit(request, seconds))

    async def get_document(self, request: Message, seconds: float) -> Message:
        return await self._call("get", self.reads, lambda: self._inner.get_document(request, seconds))

    async def batch_get_documents(self, request: Message, seconds: float) -> Sequence[Message]:
        return await self._read("batch get", lambda: self._inner.batch_get_documents(request, seconds))

    async def run_query(self, request: Message, seconds: float) -> Sequence[Message]:
        return await self._read("query", lambda: self._inner.run_query(request, seconds))

    async def run_aggregation_query(self, request: Message, seconds: float) -> Sequence[Message]:
        return await self._read("count", lambda: self._inner.run_aggregation_query(request, seconds))

    async def close(self) -> None:
        await self._inner.close()

    async def _read(self, name: str, carry_out: CarryOut) -> Sequence[Message]:
        answers: Sequence[Message] = await self._call(name, self.reads, carry_out)
        return answers

    async def _call(self, name: str, faults: deque[Fault], carry_out: CarryOut) -> Message:
        self.asked[name] += 1
        return await (faults.popleft()(carry_out) if faults else carry_out())
