"""The bus of a simulation: one exchange, and a connection to it for each process, on which messages are lost, doubled, delayed and
overtake one another.
"""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import Context, copy_context
from functools import partial

from engine.bus.listener import Listener
from engine.bus.local.consumers import Consumer, ConsumerGroup
from engine.bus.port import Handler, Message, MessageBus
from engine.domain.errors import Unavailable
from tests.chaos.faults import Fault, Faults
from tests.chaos.virtual_loop import NOBODY

LISTENER_BUFFER = 1024
REDELIVERY_SECONDS = (0.02, 0.1, 0.5, 2.0, 5.0)
ACKNOWLEDGED_WITHIN_SECONDS = 10.0
"""After that a message counts as not handled, and is given to somebody else."""
_LONGEST_DELAY = 20.0


class _Group(ConsumerGroup):
    """Hands each message to any of its consumers, not to the first that is free."""

    def __init__(
        self, topic: str, name: str, redelivery_seconds: tuple[float, ...], faults: Faults, *, keeps: bool
    ) -> None:
        super().__init__(topic, name, redelivery_seconds, keeps=keeps)
        self._faults = faults

    def _call_worker(self) -> bool:
        self._faults.random.shuffle(self._consumers)
        return Context().run(super()._call_worker)  # its tasks belong to nobody, whoever publishes or leaves


class Exchange:
    """What the processes' connections have in common."""

    def __init__(self, faults: Faults, *, redelivery_seconds: tuple[float, ...] = REDELIVERY_SECONDS) -> None:
        self.faults = faults
        self._redelivery_seconds = redelivery_seconds
        self._groups: defaultdict[str, dict[str, _Group]] = defaultdict(dict)
        self._listeners: defaultdict[str, dict[Listener, None]] = defaultdict(dict)
        self._numbers = itertools.count(1)

    def group(self, topic: str, name: str, *, keeps: bool = False) -> _Group:
        groups = self._groups[topic]
        if name not in groups:
            groups[name] = _Group(topic, name, self._redelivery_seconds, self.faults, keeps=keeps)
        return groups[name]

    def forget(self, name: str) -> None:
        for groups in self._groups.values():
            groups.pop(name, None)

    def join(self, topic: str, listener: Listener) -> None:
        self._listeners[topic][listener] = None

    def leave(self, topic: str, listener: Listener) -> None:
        self._listeners[topic].pop(listener, None)

    def publish(self, topic: str, body: bytes, attributes: Mapping[str, str]) -> None:
        """Every group and every listener has a fate of its own."""
        message = Message(body=body, attributes=dict(attributes), id=str(next(self._numbers)))
        for group in self._groups[topic].values():
            self._send(partial(group.put, message))
        for listener in self._listeners[topic]:
            self._send(partial(listener.put, message))

    def _send(self, put: Callable[[], None]) -> None:
        faults = self.faults
        if faults.instant:
            put()
            return
        if faults.hit(Fault.LOST):
            return
        for _ in range(1 + faults.hit(Fault.DUPLICATED)):
            asyncio.get_running_loop().call_later(self._delay(), put, context=NOBODY)

    def _delay(self) -> float:
        if self.faults.hit(Fault.DELAYED):
            return self.faults.random.uniform(0.0, _LONGEST_DELAY)
        return self.faults.random.random() * self.faults.latency.usual


class SimBus(MessageBus):
    """A process's connection. `dead`: the process is gone, and says and hears nothing more."""

    def __init__(self, exchange: Exchange, *, grace_seconds: float = 10.0) -> None:
        self._exchange = exchange
        self._grace_seconds = grace_seconds
        self._consumers: dict[Consumer, None] = {}
        self._listeners: dict[Listener, str] = {}
        self._closed = False
        self.dead = False

    async def publish(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        self._check_open()
        faults = self._exchange.faults
        if not faults.instant:
            await asyncio.sleep(faults.random.random() * faults.latency.usual)
        if faults.hit(Fault.NOT_PUBLISHED):
            raise Unavailable("the bus did not answer")
        self.hint(topic, body, attributes)

    def hint(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        if not self._closed and not self.dead:
            self._exchange.publish(topic, body, attributes or {})

    @asynccontextmanager
    async def consume(
        self, topic: str, group: str, handler: Handler, *, concurrency: int, subscription: str | None = None
    ) -> AsyncIterator[None]:
        self._check_open()
        context = copy_context()

        async def handled(message: Message) -> None:
            """In the consuming process, which may be stopped; acknowledged, or not, from outside of it."""
            task = asyncio.get_running_loop().create_task(_awaited(handler, message), context=context.copy())
            try:
                await asyncio.wait([task], timeout=ACKNOWLEDGED_WITHIN_SECONDS)
            except asyncio.CancelledError:
                task.cancel()
                raise
            if not task.done():
                raise TimeoutError("not acknowledged in time")
            await task

        name = subscription or group
        consumer = Consumer(self._exchange.group(topic, name, keeps=bool(subscription)), handled, concurrency)
        self._consumers[consumer] = None
        try:
            yield
        finally:
            if not self.dead:
                self._consumers.pop(consumer, None)
                await consumer.close(self._grace_seconds)

    async def subscribe(self, topic: str, subscription: str) -> None:
        self._check_open()
        self._exchange.group(topic, subscription, keeps=True)

    async def unsubscribe(self, subscription: str) -> None:
        self._check_open()
        self._exchange.forget(subscription)

    @asynccontextmanager
    async def listen(
        self, topic: str, *, only: Mapping[str, str] | None = None
    ) -> AsyncIterator[AsyncIterator[Message]]:
        self._check_open()
        listener = Listener(LISTENER_BUFFER, only)
        self._exchange.join(topic, listener)
        self._listeners[listener] = topic
        try:
            yield listener
        finally:
            self._leave(listener)

    async def ready(self) -> None:
        self._check_open()

    async def close(self) -> None:
        self._closed = True
        for listener in list(self._listeners):
            self._leave(listener)
        await asyncio.gather(*(consumer.close(self._grace_seconds) for consumer in self._consumers))

    async def disconnect(self) -> None:
        """The process died: what it had not acknowledged goes to others."""
        self.dead = True
        for listener in list(self._listeners):
            self._leave(listener)
        consumers, self._consumers = self._consumers, {}
        await asyncio.gather(*(consumer.close(0.0) for consumer in consumers))

    def _leave(self, listener: Listener) -> None:
        self._exchange.leave(self._listeners.pop(listener, ""), listener)
        listener.close()

    def _check_open(self) -> None:
        if self.dead:
            raise asyncio.CancelledError
        if self._closed:
            raise Unavailable("the bus is closed")


async def _awaited(handler: Handler, message: Message) -> None:
    await handler(message)
