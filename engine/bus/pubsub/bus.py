"""PubSubBus: the MessageBus of many processes, over Google Cloud Pub/Sub."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Self

from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.port import Handler, Message, MessageBus
from engine.bus.pubsub.connection import connect
from engine.bus.pubsub.consumer import Consumer
from engine.bus.pubsub.feeds import Feed, Feeds
from engine.bus.pubsub.intake import Pulls, Source, Stream
from engine.bus.pubsub.names import ORIGIN, check_topic, checked_size
from engine.bus.pubsub.outbox import Outbox
from engine.bus.pubsub.receipts import Receipts
from engine.bus.pubsub.resources import Resources
from engine.bus.pubsub.rpc import PubsubMessage, Rpc
from engine.bus.pubsub.tuning import Tuning
from engine.bus.topics import EVENTS
from engine.bus.topology import DEAD_LETTERS
from engine.domain.errors import BadRequest, PayloadTooLarge, Unavailable

_log = logging.getLogger(__name__)


class PubSubBus(MessageBus):
    """Topics and groups are Pub/Sub's topics and subscriptions: `docs/pubsub.md` has their names, settings and roles."""

    def __init__(self, rpc: Rpc, *, provision: bool, emulator: str | None, streaming: bool, tuning: Tuning) -> None:
        self._rpc = rpc
        self._tuning = tuning
        self._origin = secrets.token_hex(6)
        self._emulator = emulator
        self._streaming = streaming
        self._resources = Resources(rpc, tuning, provision=provision, emulator=emulator, origin=self._origin)
        self._outboxes: dict[str, Outbox] = {}
        self._consumers: set[Consumer] = set()
        self._others: set[Consumer] = set()
        """Of subscriptions that users name: what is wrong with those is no trouble of the bus."""
        self._made: set[str] = set()
        self._feeds = Feeds(self._open_feed, tuning.listener_buffer)
        # Any answer will do where the topic may still be created; looking at it may not be allowed.
        self._answers = {StatusCode.PERMISSION_DENIED, *((StatusCode.NOT_FOUND,) if provision else ())}
        self._closing = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls,
        project: str | None,
        emulator: str | None,
        *,
        provision: bool,
        streaming: bool | None = None,
        tuning: Tuning | None = None,
        interceptors: Sequence[Any] = (),
    ) -> Self:
        """Connects with the process's credentials (`project` None: theirs), or to `emulator`, `host:port`. `provision`: whether missing
        topics and subscriptions may be created. `streaming`: None for streaming pulls on the service and plain ones on the emulator.

        Raises `Unavailable` where there are no credentials or no project; whether the service answers is found out later.
        """
        tuning = tuning or Tuning()
        channel, project_id = await connect(project, emulator, interceptors)
        return cls(
            Rpc(channel, project_id, call_seconds=tuning.call_seconds),
            provision=provision,
            emulator=emulator,
            streaming=emulator is None if streaming is None else streaming,
            tuning=tuning,
        )

    async def publish(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        """Raises also `PayloadTooLarge`, and `BadRequest` for names and attributes that Pub/Sub does not take."""
        self._check_open()
        check_topic(topic)
        message, size = self._message(body, attributes or {})
        self._feeds.put(topic, Message(body=body, attributes=dict(attributes or {})))
        await self._outbox(topic).publish(message, size)

    def hint(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        if self._closed:
            return
        try:
            check_topic(topic)
            message, size = self._message(body, attributes or {})
        except (BadRequest, PayloadTooLarge) as error:
            _log.error("%s: a hint cannot be sent: %s", topic, error.message)  # it says everything
            return
        self._feeds.put(topic, Message(body=body, attributes=dict(attributes or {})))
        self._outbox(topic).hint(message, size)

    @asynccontextmanager
    async def consume(
        self, topic: str, group: str, handler: Handler, *, concurrency: int, subscription: str | None = None
    ) -> AsyncIterator[None]:
        self._check_open()
        if subscription is None:
            missing = partial(self._resources.consumer, topic, group)
        else:
            missing = partial(self._found, topic, subscription)
            if await self._resources.pushes(subscription):
                _log.info("%s is pushed, and therefore not pulled from", subscription)
                yield
                return
        name = await missing()
        self._check_open()
        consumer = Consumer(
            topic,
            group,
            handler,
            concurrency=concurrency,
            source=self._source(self._tuning.ack_deadline_seconds),
            receipts=Receipts(
                self._rpc,
                name,
                self._tuning.ack_deadline_seconds,
                gather_seconds=self._tuning.gather_seconds,
                outstanding=concurrency,
            ),
            resources=self._resources,
            bury=self._bury,
            tuning=self._tuning,
            spaced_by_service=self._emulator is None,
            missing=missing,
        )
        self._consumers.add(consumer)
        if subscription is not None:
            self._others.add(consumer)
        try:
            yield
        finally:
            await consumer.close(self._tuning.grace_seconds)
            self._consumers.discard(consumer)
            self._others.discard(consumer)

    async def subscribe(self, topic: str, subscription: str) -> None:
        self._check_open()
        await self._resources.subscription(topic, subscription)
        self._made.add(subscription)

    async def unsubscribe(self, subscription: str) -> None:
        self._check_open()
        self._made.discard(subscription)
        await self._resources.no_subscription(subscription)

    async def _found(self, topic: str, subscription: str) -> str:
        """One that this bus made is made again, as after a restart of the emulator. Raises `Unavailable`."""
        if subscription in self._made:
            await self._resources.subscription(topic, subscription)
        else:
            await self._resources.pushes(subscription)
        return subscription

    def listen(
        self, topic: str, *, only: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        self._check_open()
        check_topic(topic)
        return self._feeds.listen(topic, only or {})

    async def ready(self) -> None:
        self._check_open()
        try:
            await self._rpc.get_topic(EVENTS, timeout=self._tuning.ready_seconds)
        except AioRpcError as error:
            if error.code() not in self._answers:
                raise self._resources.unavailable(error, f"find the topic {EVENTS}") from error
        own = self._consumers - self._others
        for trouble in (*self._feeds.troubles(), *(consumer.intake.standing_trouble() for consumer in own)):
            if trouble is not None:
                raise trouble

    async def close(self) -> None:
        """Ends what listens and consumes, and sends what waits. Bounded by the grace period. Idempotent."""
        self._closed = True
        async with self._closing:
            grace = self._tuning.grace_seconds
            await asyncio.gather(self._feeds.close(), *(consumer.close(grace) for consumer in self._consumers))
            await asyncio.gather(*(outbox.close(grace) for outbox in self._outboxes.values()))
            await self._rpc.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the bus is closed")

    def _message(self, body: bytes, attributes: Mapping[str, str]) -> tuple[Any, int]:
        size = checked_size(body, attributes)
        return PubsubMessage(data=body, attributes={**attributes, ORIGIN: self._origin}), size

    def _outbox(self, topic: str) -> Outbox:
        outbox = self._outboxes.get(topic)
        if outbox is None:
            outbox = self._outboxes[topic] = Outbox(topic, self._rpc, self._resources, self._tuning)
        return outbox

    def _source(self, deadline_seconds: int) -> Source:
        if not self._streaming:
            return Pulls(self._rpc, self._tuning)
        return Stream(self._rpc, self._tuning, deadline_seconds=deadline_seconds, client_id=f"weft-{self._origin}")

    def _open_feed(self, topic: str, only: Mapping[str, str]) -> Feed:
        return Feed(
            topic,
            only,
            rpc=self._rpc,
            source=self._source(self._tuning.listener_deadline_seconds),
            resources=self._resources,
            tuning=self._tuning,
            origin=self._origin,
        )

    async def _bury(self, dead: Any, subscription: str, tries: int) -> None:
        """The attributes are those with which the service itself moves dead letters."""
        message = PubsubMessage(data=dead.data, attributes=dict(dead.attributes))
        message.attributes["CloudPubSubDeadLetterSourceSubscription"] = subscription
        message.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = self._rpc.project
        message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(tries)
        await self._outbox(DEAD_LETTERS).publish(message, message.ByteSize())
