"""Listening: one subscription for each topic and filter, fanned out to this process's listeners."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.listener import Listener
from engine.bus.port import Message
from engine.bus.pubsub.consumer import readable
from engine.bus.pubsub.intake import Intake, Source
from engine.bus.pubsub.names import ORIGIN, listener_subscription
from engine.bus.pubsub.receipts import Receipts
from engine.bus.pubsub.resources import Resources
from engine.bus.pubsub.room import Room
from engine.bus.pubsub.rpc import Rpc
from engine.bus.pubsub.tuning import Tuning
from engine.domain.errors import Unavailable

_log = logging.getLogger(__name__)
_Key = tuple[str, frozenset[tuple[str, str]]]


class Feed:
    """A subscription of this process. Messages are acknowledged as they arrive: they are for whoever listens now."""

    def __init__(
        self,
        topic: str,
        only: Mapping[str, str],
        *,
        rpc: Rpc,
        source: Source,
        resources: Resources,
        tuning: Tuning,
        origin: str,
    ) -> None:
        self._topic = topic
        self._only = only
        self._rpc = rpc
        self._resources = resources
        self._tuning = tuning
        self._origin = origin
        self._room = Room(tuning.listener_messages)
        self._receipts = Receipts(
            rpc,
            "",
            tuning.listener_deadline_seconds,
            gather_seconds=tuning.gather_seconds,
            outstanding=tuning.listener_messages,
        )
        self.listeners: set[Listener] = set()
        self.users = 0
        """Listeners, and those who wait until it is open."""
        self.intake = Intake(
            source,
            self._receive,
            self._room,
            tuning=tuning,
            missing=self._subscribe,
            explain=lambda error: resources.unavailable(error, f"listen to {topic}"),
        )
        self._receiving: asyncio.Task[None] | None = None
        self.opened = asyncio.create_task(self._open(), name=f"listen-{topic}")

    async def close(self) -> None:
        """Ends its listeners; its subscription is deleted if the service answers, else it expires. Idempotent."""
        for listener in self.listeners:
            listener.close()
        tasks = [task for task in (self.opened, self._receiving) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._receipts.flush(self._tuning.farewell_seconds)
        subscription, self._receipts.subscription = self._receipts.subscription, ""
        if subscription:
            try:
                await self._rpc.delete_subscription(subscription, timeout=self._tuning.farewell_seconds)
            except AioRpcError as error:
                if error.code() is not StatusCode.NOT_FOUND:
                    _log.warning("%s is left to expire: %s", subscription, error.details() or error.code())

    async def _open(self) -> None:
        self._receiving = self.intake.start(await self._subscribe())

    async def _subscribe(self) -> str:
        if self._receipts.subscription:
            _log.warning("%s is gone; messages may have been missed", self._receipts.subscription)
        # Known before it is created: whoever gives up meanwhile deletes it.
        self._receipts.subscription = listener_subscription(self._topic)
        await self._resources.listener(self._receipts.subscription, self._topic, self._only)
        return self._receipts.subscription

    def _receive(self, messages: Sequence[Any]) -> None:
        self._room.give(len(messages))
        self._receipts.acknowledge([received.ack_id for received in messages])
        for received in messages:
            if received.message.attributes.get(ORIGIN) != self._origin:  # or listeners here have it
                self.put(readable(received.message))

    def put(self, message: Message) -> None:
        for listener in self.listeners:
            listener.put(message)


class Feeds:
    def __init__(self, open_feed: Callable[[str, Mapping[str, str]], Feed], listener_buffer: int) -> None:
        self._open_feed = open_feed
        self._listener_buffer = listener_buffer
        self._feeds: dict[_Key, Feed] = {}

    @asynccontextmanager
    async def listen(self, topic: str, only: Mapping[str, str]) -> AsyncIterator[AsyncIterator[Message]]:
        key = (topic, frozenset(only.items()))
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = self._open_feed(topic, only)
        listener = Listener(self._listener_buffer, only)
        feed.users += 1
        try:
            await asyncio.shield(feed.opened)
            feed.listeners.add(listener)
            yield listener
        finally:
            listener.close()
            feed.listeners.discard(listener)
            feed.users -= 1
            if not feed.users and self._feeds.get(key) is feed:
                del self._feeds[key]
                await feed.close()

    def put(self, topic: str, message: Message) -> None:
        """A message of this very process, to its listeners at once."""
        for (feed_topic, _), feed in self._feeds.items():
            if feed_topic == topic:
                feed.put(message)

    def troubles(self) -> list[Unavailable]:
        found = (feed.intake.standing_trouble() for feed in self._feeds.values())
        return [trouble for trouble in found if trouble is not None]

    async def close(self) -> None:
        feeds = list(self._feeds.values())
        self._feeds.clear()
        await asyncio.gather(*(feed.close() for feed in feeds))
