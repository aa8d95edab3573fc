"""Receiving from a subscription, by streaming or by pulls, and coming back after every interruption."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import EOF, AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.pubsub.backoff import rests
from engine.bus.pubsub.failures import TRANSIENT
from engine.bus.pubsub.room import Room
from engine.bus.pubsub.rpc import Rpc, heartbeat
from engine.bus.pubsub.tuning import Tuning
from engine.domain.errors import Unavailable

_log = logging.getLogger(__name__)
_STABLE_SECONDS = 5.0
"""A connection that has lasted so long is not one more failure in a row when it ends."""
_NOT_BY_DESIGN = 2
"""Failures in a row that are worth a line in the log: a single one is how streams end."""

_WORTH_A_PULL = 10
"""Places: shared among more pulls, none could receive several messages together."""

Deliver = Callable[[Sequence[Any]], None]


class Source(ABC):
    @abstractmethod
    async def receive(self, subscription: str, deliver: Deliver, room: Room) -> None:
        """Delivers what comes until it is cut off or cancelled; no more than there is room for, where the server heeds it. Raises
        `grpc.aio.AioRpcError`, `TimeoutError`.
        """


class Pulls(Source):
    """For the emulator, whose streams look for messages every 50 ms, but are limited to 2,000 messages a second."""

    def __init__(self, rpc: Rpc, tuning: Tuning) -> None:
        self._rpc = rpc
        self._tuning = tuning

    async def receive(self, subscription: str, deliver: Deliver, room: Room) -> None:
        pulls = max(1, min(self._tuning.pulls, room.size // _WORTH_A_PULL))
        share = room.size // pulls
        # No TaskGroup: one that is cancelled in the moment that a task of it fails raises the failure alone (Python 3.11 and 3.12).
        pulling = [asyncio.create_task(self._pull(subscription, deliver, room, share)) for _ in range(pulls)]
        try:
            failed, _ = await asyncio.wait(pulling, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in pulling:
                each.cancel()
            await asyncio.gather(*pulling, return_exceptions=True)
        await failed.pop()

    async def _pull(self, subscription: str, deliver: Deliver, room: Room, share: int) -> None:
        while True:
            taken = await room.take(share)
            received: Sequence[Any] = ()
            try:
                received = await self._rpc.pull(subscription, taken, timeout=self._tuning.poll_seconds)
            except AioRpcError as error:
                if error.code() is not StatusCode.DEADLINE_EXCEEDED:  # there was nothing
                    raise
            finally:
                room.give(taken - len(received))
            deliver(received)


class Stream(Source):
    """For the service. It closes streams now and then by design. The emulator ignores the limit on outstanding messages."""

    def __init__(self, rpc: Rpc, tuning: Tuning, *, deadline_seconds: int, client_id: str) -> None:
        self._rpc = rpc
        self._tuning = tuning
        self._deadline_seconds = deadline_seconds
        self._client_id = client_id

    async def receive(self, subscription: str, deliver: Deliver, room: Room) -> None:
        call = await self._rpc.open_stream(
            subscription,
            deadline_seconds=self._deadline_seconds,
            most=room.size,
            client_id=self._client_id,
        )
        beating = asyncio.create_task(self._beat(call), name="bus-heartbeat")
        try:
            while True:
                async with asyncio.timeout(self._tuning.silence_seconds):
                    response = await call.read()
                if response is EOF:
                    return
                room.seize(len(response.received_messages))
                deliver(response.received_messages)
        finally:
            beating.cancel()
            call.cancel()

    async def _beat(self, call: Any) -> None:
        while True:
            await asyncio.sleep(self._tuning.heartbeat_seconds)
            try:
                await call.write(heartbeat())
            except (AioRpcError, asyncio.InvalidStateError):
                return  # the reader is told why


class Intake:
    """Keeps receiving. Its trouble is what stands in the way and will not pass by itself, such as a missing permission."""

    def __init__(
        self,
        source: Source,
        deliver: Deliver,
        room: Room,
        *,
        tuning: Tuning,
        missing: Callable[[], Awaitable[str]],
        explain: Callable[[AioRpcError], Unavailable],
    ) -> None:
        """`missing` gives a subscription again when it has vanished."""
        self._source = source
        self._deliver = deliver
        self._room = room
        self._tuning = tuning
        self._missing = missing
        self._explain = explain
        self._trouble: Unavailable | None = None
        self._began: float | None = None
        self._down = False

    def start(self, subscription: str) -> "asyncio.Task[None]":
        """Until it is cancelled."""
        task = asyncio.create_task(self._run(subscription), name=f"receive-{subscription}")
        task.add_done_callback(_say_if_died)
        return task

    def standing_trouble(self) -> Unavailable | None:
        if self._stable():
            self._trouble = None
        return self._trouble

    async def _run(self, subscription: str) -> None:
        loop = asyncio.get_running_loop()
        resting = rests(*self._tuning.reconnect_seconds)
        in_a_row = 0
        while True:
            self._began = loop.time()
            failure, gone = await self._receive(subscription)
            if self._stable():
                resting, in_a_row = rests(*self._tuning.reconnect_seconds), 0
            self._began = None
            in_a_row += 1
            if in_a_row == _NOT_BY_DESIGN and failure is not None:
                self._down = True
                _log.warning("%s: not receiving, trying again: %s", subscription, failure.message)
            await asyncio.sleep(next(resting))
            if gone:
                subscription = await self._replaced(subscription)

    def _stable(self) -> bool:
        return self._began is not None and asyncio.get_running_loop().time() - self._began > _STABLE_SECONDS

    async def _receive(self, subscription: str) -> tuple[Unavailable | None, bool]:
        """Why it ended, and whether the subscription is gone."""
        try:
            await self._source.receive(subscription, self._arrived, self._room)
        except AioRpcError as error:
            failure = self._explain(error)
            if error.code() not in TRANSIENT:
                self._trouble = failure
            return failure, error.code() is StatusCode.NOT_FOUND
        except TimeoutError:
            return Unavailable("nothing came, not even a heartbeat"), False
        except asyncio.InvalidStateError as error:  # gRPC's, for a stream that was over before it began
            return Unavailable(str(error)), False
        return None, False

    def _arrived(self, received: Sequence[Any]) -> None:
        self._trouble = None
        if self._down:
            self._down = False
            _log.info("receiving again, %d messages at first", len(received))
        self._deliver(received)

    async def _replaced(self, subscription: str) -> str:
        try:
            return await self._missing()
        except Unavailable as failure:
            self._trouble = failure
            return subscription


def _say_if_died(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("%s died: nothing is received any more", task.get_name(), exc_info=task.exception())
