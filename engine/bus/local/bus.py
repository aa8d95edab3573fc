"""LocalBus: the MessageBus of a single process, on one event loop."""

import asyncio
import itertools
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from engine.bus.listener import Listener
from engine.bus.local.consumers import Consumer, ConsumerGroup
from engine.bus.port import Handler, Message, MessageBus
from engine.domain.errors import Unavailable

_REDELIVERY_SECONDS = (0.02, 0.1, 0.5, 2.0, 5.0)
_LISTENER_BUFFER = 1024
_GRACE_SECONDS = 10.0


class LocalBus(MessageBus):
    """A message that nobody consumes or listens to when it is published is gone, unless a subscription keeps it: it was a hint.
    Subscriptions last as long as the process. Topics of any project are those of this process by their short names.
    """

    def __init__(
        self,
        *,
        redelivery_seconds: Sequence[float] = _REDELIVERY_SECONDS,
        listener_buffer: int = _LISTENER_BUFFER,
        grace_seconds: float = _GRACE_SECONDS,
    ) -> None:
        """`redelivery_seconds`: the rests of a failed message before each further try; after the last it is dropped,
        with a line in the log. `grace_seconds`: how long a consumer's end waits for handlers before it cancels them.
        """
        self._redelivery_seconds = tuple(redelivery_seconds)
        self._listener_buffer = listener_buffer
        self._grace_seconds = grace_seconds
        self._groups: defaultdict[str, dict[str, ConsumerGroup]] = defaultdict(dict)
        self._consumers: set[Consumer] = set()
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._origin = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._closed = False

    async def publish(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        self._check_open()
        self._deliver(topic, body, attributes)

    def hint(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        if not self._closed:
            self._deliver(topic, body, attributes)

    def _deliver(self, topic: str, body: bytes, attributes: Mapping[str, str] | None) -> None:
        if topic not in self._groups and topic not in self._listeners:
            return
        message = Message(
            body=body,
            attributes=dict(attributes) if attributes else {},
            id=f"{self._origin}-{next(self._numbers)}",
            published_at=datetime.now(UTC),
        )
        if topic in self._groups:
            for group in self._groups[topic].values():
                group.put(message)
        if topic in self._listeners:
            for listener in self._listeners[topic]:
                listener.put(message)

    @asynccontextmanager
    async def consume(
        self, topic: str, group: str, handler: Handler, *, concurrency: int, subscription: str | None = None
    ) -> AsyncIterator[None]:
        self._check_open()
        consumer = Consumer(self._group(topic, subscription or group, keeps=bool(subscription)), handler, concurrency)
        self._consumers.add(consumer)
        try:
            yield
        finally:
            self._consumers.discard(consumer)
            await consumer.close(self._grace_seconds)

    async def subscribe(self, topic: str, subscription: str) -> None:
        self._check_open()
        self._group(topic, subscription, keeps=True)

    async def unsubscribe(self, subscription: str) -> None:
        self._check_open()
        for groups in self._groups.values():
            groups.pop(subscription, None)

    def _group(self, topic: str, name: str, *, keeps: bool) -> ConsumerGroup:
        groups = self._groups[topic.rpartition("/")[2]]
        if name not in groups:
            groups[name] = ConsumerGroup(topic, name, self._redelivery_seconds, keeps=keeps)
        return groups[name]

    @asynccontextmanager
    async def listen(
        self, topic: str, *, only: Mapping[str, str] | None = None
    ) -> AsyncIterator[AsyncIterator[Message]]:
        self._check_open()
        listener = Listener(self._listener_buffer, only)
        self._listeners[topic].add(listener)
        try:
            yield listener
        finally:
            self._listeners[topic].discard(listener)
            listener.close()

    async def ready(self) -> None:
        self._check_open()

    async def close(self) -> None:
        """Ends what still consumes or listens. Bounded by the grace period. Idempotent."""
        self._closed = True
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.close()
        await asyncio.gather(*(consumer.close(self._grace_seconds) for consumer in self._consumers))

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the bus is closed")
