"""A competing consumer: hands received messages to the handler, and says how it went."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from typing import Any

from engine.bus.port import Handler, Message
from engine.bus.pubsub.intake import Intake, Source
from engine.bus.pubsub.names import ORIGIN
from engine.bus.pubsub.receipts import Receipts
from engine.bus.pubsub.resources import Resources
from engine.bus.pubsub.room import Room
from engine.bus.pubsub.tuning import Tuning
from engine.domain.errors import WeftError

_log = logging.getLogger(__name__)

Bury = Callable[[Any, str, int], Awaitable[None]]
"""Puts a message of a subscription, tried so many times, among the dead letters."""


def readable(received: Any) -> Message:
    """As readers see it: without what the bus adds."""
    attributes = dict(received.attributes)
    attributes.pop(ORIGIN, None)
    published_at = received.publish_time.ToDatetime(UTC) if received.HasField("publish_time") else None
    return Message(body=received.data, attributes=attributes, id=received.message_id, published_at=published_at)


class Consumer:
    def __init__(
        self,
        topic: str,
        group: str,
        handler: Handler,
        *,
        concurrency: int,
        source: Source,
        receipts: Receipts,
        resources: Resources,
        bury: Bury,
        tuning: Tuning,
        spaced_by_service: bool,
        missing: Callable[[], Awaitable[str]],
    ) -> None:
        """`spaced_by_service`: whether the service itself lets failed messages rest; else that is done here. `missing` gives the
        subscription again when it has vanished.
        """
        self._name = f"{topic}: {group}"
        self._handler = handler
        self._receipts = receipts
        self._bury = bury
        self._tuning = tuning
        self._rests = () if spaced_by_service else tuning.redelivery_seconds
        self._room = Room(concurrency)
        self._running: dict[asyncio.Task[None], str] = {}
        self._backlog: deque[Any] = deque()
        """Messages that a server sent beyond the limit."""
        self._resting: dict[str, asyncio.TimerHandle] = {}
        self._burying: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Lock()
        self._closed = False
        self.intake = Intake(
            source,
            self._receive,
            self._room,
            tuning=tuning,
            missing=missing,
            explain=lambda error: resources.unavailable(error, f"consume from {receipts.subscription}"),
        )
        self._tasks = [
            self.intake.start(receipts.subscription),
            asyncio.create_task(self._keep_outstanding(), name="bus-deadlines"),
        ]

    async def close(self, grace_seconds: float) -> None:
        """Receives no more, gives back what no handler has, and waits for handlers; those that take longer are cancelled and their
        messages given back. Idempotent.
        """
        async with self._closing:
            if self._closed:
                return
            self._closed = True
            intake, keeping = self._tasks
            intake.cancel()
            await asyncio.gather(intake, return_exceptions=True)
            self._receipts.give_back([received.ack_id for received in self._backlog])
            self._receipts.give_back(self._resting)
            for timer in self._resting.values():
                timer.cancel()
            self._backlog.clear()
            self._resting.clear()
            await _end({*self._running, *self._burying}, grace_seconds)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self._receipts.flush(self._tuning.farewell_seconds)

    def _receive(self, messages: Sequence[Any]) -> None:
        self._backlog.extend(messages)
        while self._backlog and len(self._running) < self._room.size:
            self._start(self._backlog.popleft())

    def _start(self, received: Any) -> None:
        task = asyncio.create_task(self._handle(received), name="bus-handler")
        self._running[task] = received.ack_id
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._running[task]
        self._room.give(1)
        if self._backlog:
            self._start(self._backlog.popleft())

    async def _handle(self, received: Any) -> None:
        try:
            await self._handler(readable(received.message))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                self._receipts.give_back((received.ack_id,))
                raise
            self._failed(received, error)  # something inside the handler was cancelled, not the handler
        except Exception as error:  # noqa: BLE001 - a handler says "again" by raising whatever it likes
            self._failed(received, error)
        else:
            self._receipts.acknowledge((received.ack_id,))

    def _failed(self, received: Any, error: BaseException) -> None:
        tries = received.delivery_attempt or 1
        if self._closed:
            # It may have failed because this process stops; and nobody would wait for the burial.
            _log.warning("%s failed while it was closed, try %d: %r", self._name, tries, error)
            self._receipts.give_back((received.ack_id,))
            return
        if tries >= self._tuning.max_delivery_attempts:
            _log.error("%s gave up a message after %d tries", self._name, tries, exc_info=error)
            burying = asyncio.create_task(self._give_up(received, tries), name="bus-dead-letter")
            self._burying.add(burying)
            burying.add_done_callback(self._burying.discard)
            return
        _log.warning("%s failed, try %d: %r", self._name, tries, error)
        if not self._rests:
            self._receipts.give_back((received.ack_id,))
            return
        # Its place is free meanwhile, its deadline is moved with the others.
        rest = self._rests[min(tries, len(self._rests)) - 1]
        self._resting[received.ack_id] = asyncio.get_running_loop().call_later(rest, self._rested, received.ack_id)

    def _rested(self, ack_id: str) -> None:
        del self._resting[ack_id]
        self._receipts.give_back((ack_id,))

    async def _give_up(self, received: Any, tries: int) -> None:
        try:
            await self._bury(received.message, self._receipts.subscription, tries)
        except WeftError as error:
            _log.warning("%s: cannot put the message among the dead letters: %s", self._name, error.message)
            self._receipts.give_back((received.ack_id,))
        else:
            self._receipts.acknowledge((received.ack_id,))

    async def _keep_outstanding(self) -> None:
        while True:
            await asyncio.sleep(self._tuning.extend_every_seconds)
            waiting = (received.ack_id for received in self._backlog)
            self._receipts.keep([*self._running.values(), *waiting, *self._resting])


async def _end(tasks: "set[asyncio.Task[None]]", grace_seconds: float) -> None:
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
