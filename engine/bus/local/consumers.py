"""Competing consumers: each message of a group goes to one free worker among all its consumers."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

import msgspec

from engine.bus.port import Handler, Message

_log = logging.getLogger(__name__)
_LONGEST_BACKLOG = 100_000
"""Messages a group holds; beyond it the oldest are lost, as hints may be."""


class _Delivery(msgspec.Struct, frozen=True):
    message: Message
    tries: int
    """That have failed."""


class ConsumerGroup:
    def __init__(self, topic: str, name: str, redelivery_seconds: Sequence[float], *, keeps: bool = False) -> None:
        """`keeps`: whether messages wait for a consumer while there is none."""
        self._keeps = keeps
        self._topic = topic
        self._name = name
        self._redelivery_seconds = redelivery_seconds
        self._backlog: deque[_Delivery] = deque(maxlen=_LONGEST_BACKLOG)
        self._consumers: list[Consumer] = []

    def put(self, message: Message) -> None:
        self._offer(_Delivery(message, 0))

    def join(self, consumer: "Consumer") -> None:
        self._consumers.append(consumer)
        for _ in range(len(self._backlog)):
            if not self._call_worker():
                break

    def leave(self, consumer: "Consumer") -> None:
        """What waits is for those who remain; with nobody left it is gone, unless it is kept."""
        self._consumers.remove(consumer)
        if not self._consumers and not self._keeps:
            self._backlog.clear()
        for _ in self._backlog:
            self._call_worker()

    def take(self) -> _Delivery | None:
        return self._backlog.popleft() if self._backlog else None

    def give_back(self, delivery: _Delivery) -> None:
        """Its handler was cut off before it could tell."""
        self._offer(delivery)

    def failed(self, delivery: _Delivery, error: BaseException) -> None:
        tries = delivery.tries + 1
        if tries > len(self._redelivery_seconds):
            _log.error("%s: %s dropped a message after %d tries", self._topic, self._name, tries, exc_info=error)
            return
        _log.warning("%s: %s failed, try %d: %r", self._topic, self._name, tries, error)
        again = _Delivery(delivery.message, tries)
        asyncio.get_running_loop().call_later(self._redelivery_seconds[tries - 1], self._offer, again)

    def _offer(self, delivery: _Delivery) -> None:
        if self._consumers or self._keeps:
            self._backlog.append(delivery)
            self._call_worker()

    def _call_worker(self) -> bool:
        """If all are busy, the first to finish takes the message."""
        return any(consumer.call_worker() for consumer in self._consumers)


class Consumer:
    """Up to `concurrency` workers, started as they are needed and kept."""

    def __init__(self, group: ConsumerGroup, handler: Handler, concurrency: int) -> None:
        self._group = group
        self._handler = handler
        self._concurrency = concurrency
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._closed = False
        group.join(self)

    def call_worker(self) -> bool:
        """Whether one was free to look at the backlog."""
        while self._idle:
            call = self._idle.popleft()
            if not call.done():
                call.set_result(None)
                return True
        if len(self._workers) < self._concurrency:
            worker = asyncio.create_task(self._work(), name="bus-consumer")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
            return True
        return False

    async def close(self, grace_seconds: float) -> None:
        """Waits for handlers under way, and cancels those that take longer than `grace_seconds`. Idempotent."""
        if not self._closed:
            self._closed = True
            self._group.leave(self)
        for call in self._idle:
            call.cancel()
        if self._workers:
            _, late = await asyncio.wait(self._workers, timeout=grace_seconds)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _work(self) -> None:
        while not self._closed:
            delivery = self._group.take()
            if delivery is None:
                call = asyncio.get_running_loop().create_future()
                self._idle.append(call)
                await call
            else:
                await self._handle(delivery)

    async def _handle(self, delivery: _Delivery) -> None:
        try:
            await self._handler(delivery.message)
        except asyncio.CancelledError as error:
            worker = asyncio.current_task()
            if worker is not None and worker.cancelling():
                self._group.give_back(delivery)
                raise
            self._group.failed(delivery, error)  # something inside the handler was cancelled, not the worker
        except Exception as error:  # noqa: BLE001 - a handler says "again" by raising whatever it likes
            self._group.failed(delivery, error)
