"""Messages on their way to one topic: while one request is under way, the next one gathers."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.pubsub.backoff import rests
from engine.bus.pubsub.failures import TRANSIENT
from engine.bus.pubsub.resources import Resources
from engine.bus.pubsub.rpc import Rpc
from engine.bus.pubsub.tuning import Tuning
from engine.domain.errors import Unavailable, WeftError

_log = logging.getLogger(__name__)


class _Entry:
    """`taken` is None for a hint."""

    __slots__ = ("deadline", "message", "size", "taken")

    def __init__(self, message: Any, size: int, deadline: float, taken: "asyncio.Future[None] | None") -> None:
        self.message = message
        self.size = size
        self.deadline = deadline
        self.taken = taken

    @property
    def given_up(self) -> bool:
        return self.taken is not None and self.taken.done()

    def end(self, failure: WeftError | None) -> None:
        if self.taken is None or self.taken.done():
            return
        if failure is None:
            self.taken.set_result(None)
        else:
            self.taken.set_exception(failure)


class Outbox:
    def __init__(self, topic: str, rpc: Rpc, resources: Resources, tuning: Tuning) -> None:
        self._topic = topic
        self._rpc = rpc
        self._resources = resources
        self._tuning = tuning
        self._awaited: deque[_Entry] = deque()
        self._hints: deque[_Entry] = deque()
        self._hint_bytes = 0
        self._dropped = 0
        """Hints that there was no place for, in this burst."""
        self._last_failure: WeftError | None = None
        self._sending: asyncio.Task[None] | None = None

    async def publish(self, message: Any, size: int) -> None:
        """Returns when the service has it. Raises `Unavailable`, `NoSuchTopic`."""
        loop = asyncio.get_running_loop()
        entry = _Entry(message, size, loop.time() + self._tuning.publish_seconds, loop.create_future())
        assert entry.taken is not None
        self._awaited.append(entry)
        self._start()
        try:
            async with asyncio.timeout_at(entry.deadline):
                await entry.taken
        except TimeoutError as error:
            why = self._last_failure.message if self._last_failure else "no answer"
            raise Unavailable(
                f"not published to {self._topic} within {self._tuning.publish_seconds:g} s: {why}"
            ) from error

    def hint(self, message: Any, size: int) -> None:
        deadline = asyncio.get_running_loop().time() + self._tuning.publish_seconds
        self._hints.append(_Entry(message, size, deadline, None))
        self._hint_bytes += size
        while len(self._hints) > self._tuning.backlog_messages or self._hint_bytes > self._tuning.backlog_bytes:
            self._hint_bytes -= self._hints.popleft().size
            if not self._dropped:
                _log.warning("%s: more hints than Pub/Sub takes; the oldest are dropped", self._topic)
            self._dropped += 1
        self._start()

    async def close(self, seconds: float) -> None:
        """Sends what waits, for so long; the rest is refused."""
        if self._sending is not None:
            _, late = await asyncio.wait((self._sending,), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start(self) -> None:
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all(), name=f"publish-{self._topic}")

    async def _send_all(self) -> None:
        batch: Sequence[_Entry] = ()
        try:
            while batch := self._take():
                await self._send(batch)
        except BaseException:
            # Closed, or a defect: nobody may wait for ever.
            left = (*batch, *self._awaited, *self._hints)
            self._lose(left, Unavailable("the bus is closed"))
            raise
        finally:
            self._sending = None
            if self._dropped:
                _log.warning("%s: %d hints were dropped", self._topic, self._dropped)
            self._dropped = 0

    def _take(self) -> list[_Entry]:
        """Those that somebody waits for come first."""
        batch: list[_Entry] = []
        size = 0
        for queue in (self._awaited, self._hints):
            while queue and len(batch) < self._tuning.batch_messages:
                if batch and size + queue[0].size > self._tuning.batch_bytes:
                    return batch
                entry = queue.popleft()
                if entry.taken is None:
                    self._hint_bytes -= entry.size
                if not entry.given_up:
                    batch.append(entry)
                    size += entry.size
        return batch

    async def _send(self, batch: Sequence[_Entry]) -> None:
        resting = rests(*self._tuning.reconnect_seconds)
        while batch:
            failure = await self._try([entry.message for entry in batch])
            if failure is None:
                for entry in batch:
                    entry.end(None)
                return
            if failure.refused and len(batch) > 1:
                await self._send_each(batch)
                return
            self._last_failure = failure.error
            rest = next(resting)
            batch = self._still_wanted(batch, failure, asyncio.get_running_loop().time() + rest)
            if batch:
                await asyncio.sleep(rest)

    async def _send_each(self, batch: Sequence[_Entry]) -> None:
        """One message that the service refuses makes it refuse the request, with others' messages in it."""
        for entry in batch:
            if not entry.given_up:
                await self._send((entry,))

    async def _try(self, messages: list[Any]) -> "_Failure | None":
        try:
            try:
                await self._call(messages)
            except AioRpcError as error:
                if error.code() is not StatusCode.NOT_FOUND:
                    raise
                await self._resources.topic(self._topic)
                await self._call(messages)
        except AioRpcError as error:
            failure = self._resources.unavailable(error, f"publish to {self._topic}")
            return _Failure(
                failure, for_good=error.code() not in TRANSIENT, refused=error.code() is StatusCode.INVALID_ARGUMENT
            )
        except Unavailable as error:
            return _Failure(error, for_good=False)
        except WeftError as error:
            return _Failure(error, for_good=True)
        return None

    async def _call(self, messages: list[Any]) -> None:
        await self._rpc.publish(self._topic, messages, timeout=self._tuning.call_seconds)

    def _still_wanted(self, batch: Sequence[_Entry], failure: "_Failure", at: float) -> list[_Entry]:
        over = [entry for entry in batch if failure.for_good or entry.deadline <= at]
        self._lose(over, failure.error)
        return [] if failure.for_good else [entry for entry in batch if entry.deadline > at and not entry.given_up]

    def _lose(self, entries: Sequence[_Entry], error: WeftError) -> None:
        for entry in entries:
            entry.end(error)
        hints = sum(entry.taken is None for entry in entries)
        if hints:
            _log.warning("%s: %d hints are lost: %s", self._topic, hints, error.message)


class _Failure:
    """`refused`: because of what was sent, be it one message of many."""

    def __init__(self, error: WeftError, *, for_good: bool, refused: bool = False) -> None:
        self.error = error
        self.for_good = for_good
        self.refused = refused
