"""Topics and subscriptions: what they are created with, and creating those that are missing, where that is allowed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]  # generated, without types
from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.port import NoSuchTopic
from engine.bus.pubsub.backoff import rests
from engine.bus.pubsub.failures import PROVISION, TRANSIENT, unavailable
from engine.bus.pubsub.names import consumer_subscription, listener_filter
from engine.bus.pubsub.rpc import Rpc, Subscription, Topic
from engine.bus.pubsub.tuning import Tuning
from engine.bus.topology import DEAD_LETTERS, KEPT
from engine.domain.errors import Unavailable

_log = logging.getLogger(__name__)
_LABELS = {"app": "weft"}
_DAY = Duration(seconds=86_400)
_LISTENER_RETENTION = Duration(seconds=600)
_LEAST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 1, 60


class Resources:
    def __init__(self, rpc: Rpc, tuning: Tuning, *, provision: bool, emulator: str | None, origin: str) -> None:
        """Without `provision` topics and consumers' subscriptions are only looked for; a listener makes its own in any case."""
        self._rpc = rpc
        self._tuning = tuning
        self._provision = provision
        self._emulator = emulator
        self._origin = origin

    def unavailable(self, error: AioRpcError, doing: str) -> Unavailable:
        return unavailable(error, doing, project=self._rpc.project, emulator=self._emulator)

    async def topic(self, topic: str) -> None:
        """After a refusal for want of it. Raises `NoSuchTopic`, `Unavailable`."""
        missing = NoSuchTopic(
            f"there is no topic {topic!r} in the project {self._rpc.project!r}: create it, or {PROVISION}"
        )
        if not self._provision:
            raise missing
        try:
            await self._attempt(f"create the topic {topic}", lambda: self.create_topic(topic), seconds=0)
        except _Denied as denied:
            raise missing from denied

    async def consumer(self, topic: str, group: str) -> str:
        """The group's subscription. Raises `Unavailable`."""
        name = consumer_subscription(topic, group)
        doing = f"create the subscription {name}"
        if self._provision:
            try:
                await self._attempt(doing, lambda: self.create_consumer(topic, group))
            except _Denied as denied:
                await self._look_for(name, denied)
        else:
            await self._look_for(name, None)
        return name

    async def subscription(self, topic: str, name: str) -> None:
        """One with this name, that keeps the topic's messages. Raises `NoSuchTopic`, `Unavailable`."""
        if not self._provision:
            await self._look_for(name, None)
            return
        try:
            await self._attempt(f"create the subscription {name}", lambda: self._create_named(topic, name))
        except _Denied as denied:
            await self._look_for(name, denied)

    async def no_subscription(self, name: str) -> None:
        """Raises `Unavailable`."""
        try:
            await self._rpc.delete_subscription(name, timeout=self._tuning.call_seconds)
        except AioRpcError as error:
            if error.code() is not StatusCode.NOT_FOUND:
                raise self.unavailable(error, f"delete the subscription {name}") from error

    async def pushes(self, name: str) -> bool:
        """Whether the service pushes what a subscription keeps; no, where it may not be looked at. Raises `Unavailable`."""
        found = await self._look_for(name, None)
        return bool(found is not None and found.push_config.push_endpoint)

    async def listener(self, name: str, topic: str, only: Mapping[str, str]) -> None:
        """A subscription for one process, that hears what is published from now on. Raises `Unavailable`."""
        subscription = Subscription(
            name=self._rpc.subscription_path(name),
            topic=self._rpc.topic_path(topic),
            ack_deadline_seconds=self._tuning.listener_deadline_seconds,
            message_retention_duration=_LISTENER_RETENTION,
            filter=listener_filter(only, self._origin),
            labels={**_LABELS, "use": "listener"},
        )
        subscription.expiration_policy.ttl.CopyFrom(_DAY)
        await self._attempt(f"listen to {topic}", lambda: self._create_listener(subscription, topic))

    async def create_topic(self, topic: str) -> bool:
        """Whether it was missing. Raises `grpc.aio.AioRpcError`."""
        return await _created(self._rpc.create_topic(Topic(name=self._rpc.topic_path(topic), labels=_LABELS)))

    async def create_consumer(self, topic: str, group: str) -> bool:
        """Whether it was missing; its topic and the dead letters' are created on the way. Raises `grpc.aio.AioRpcError`."""
        return await self._create_kept(topic, consumer_subscription(topic, group))

    async def _create_named(self, topic: str, name: str) -> bool:
        try:
            return await self._create_kept(topic, name)
        except AioRpcError as error:
            if error.code() is not StatusCode.NOT_FOUND:
                raise
            raise NoSuchTopic(f"there is no topic {topic!r} for the subscription {name}") from error

    async def _create_kept(self, topic: str, name: str) -> bool:
        subscription = Subscription(
            name=self._rpc.subscription_path(name),
            topic=self._rpc.topic_path(topic),
            ack_deadline_seconds=self._tuning.ack_deadline_seconds,
            labels={**_LABELS, "use": "consumer"},
        )
        subscription.expiration_policy.SetInParent()  # without a time to live: never
        if topic != DEAD_LETTERS:
            subscription.retry_policy.minimum_backoff.seconds = _LEAST_BACKOFF_SECONDS
            subscription.retry_policy.maximum_backoff.seconds = _LONGEST_BACKOFF_SECONDS
            subscription.dead_letter_policy.dead_letter_topic = self._rpc.topic_path(DEAD_LETTERS)
            subscription.dead_letter_policy.max_delivery_attempts = self._tuning.max_delivery_attempts
        return await self._create_subscription(subscription, topic, dead_letters=topic != DEAD_LETTERS)

    async def _create_listener(self, subscription: Any, topic: str) -> bool:
        try:
            return await self._create_subscription(subscription, topic)
        except AioRpcError as error:
            if error.code() is not StatusCode.INVALID_ARGUMENT:
                raise
            # What it filters is checked on arrival too: rather hear everything than nothing.
            _log.warning("listening to %s without the filter %s: %s", topic, subscription.filter, error.details())
            subscription.filter = ""
            return await self._create_subscription(subscription, topic)

    async def _create_subscription(self, subscription: Any, topic: str, *, dead_letters: bool = False) -> bool:
        try:
            return await _created(self._rpc.create_subscription(subscription))
        except AioRpcError as error:
            if error.code() is not StatusCode.NOT_FOUND or not self._provision:
                raise
        if self._rpc.is_ours(topic):
            await self.create_topic(topic)
        if dead_letters:
            await self.create_consumer(DEAD_LETTERS, KEPT)  # or nothing would keep them
        return await _created(self._rpc.create_subscription(subscription))

    async def _look_for(self, subscription: str, denied: "_Denied | None") -> Any:
        """Where looking is not allowed either, that is None, and consuming will tell."""
        try:
            return await self._rpc.get_subscription(subscription)
        except AioRpcError as error:
            if error.code() is not StatusCode.PERMISSION_DENIED:
                raise (denied or self.unavailable(error, f"consume from {subscription}")) from error
            return None

    async def _attempt(self, doing: str, call: Callable[[], Awaitable[bool]], seconds: float | None = None) -> None:
        """What passes is tried again for as long as a message is: a start should outlast a restart of something else."""
        patience = self._tuning.publish_seconds if seconds is None else seconds
        until = asyncio.get_running_loop().time() + patience
        for rest in rests(*self._tuning.reconnect_seconds):
            try:
                await call()
            except AioRpcError as error:
                failure = self.unavailable(error, doing)
                if error.code() is StatusCode.PERMISSION_DENIED:
                    raise _Denied(failure.message) from error
                if error.code() not in TRANSIENT or asyncio.get_running_loop().time() + rest > until:
                    raise failure from error
            else:
                return
            await asyncio.sleep(rest)


class _Denied(Unavailable):
    """What was to be created may be there all the same."""


async def _created(call: Awaitable[None]) -> bool:
    try:
        await call
    except AioRpcError as error:
        if error.code() is not StatusCode.ALREADY_EXISTS:
            raise
        return False
    return True
