"""Consumes the topics of triggers: one consumer for each trigger in each worker, which share its messages."""

import asyncio
import logging
from functools import partial

from engine.domain.errors import WeftError
from engine.usecases.services import Services
from engine.usecases.triggers.subscribing import (
    Published,
    Subscribed,
    changes_seen,
    consuming,
    forget_subscription,
    is_consumed,
    source_of,
    subscribe,
    subscribed_triggers,
    subscription_of,
)
from triggers.cloud_events import PushedMessage
from triggers.published import accept

EVERY_SECONDS = 5.0
"""How soon what other processes changed is seen."""
NOTICED_SECONDS = 0.1
"""How soon what this process changed is."""
AT_ONCE = 32
"""Messages of one trigger that a process works on, so that their commits are written together."""
AGAIN_SECONDS = 5.0
SAID_SECONDS = 60.0
"""How often it is said that a topic or subscription cannot be consumed."""

_log = logging.getLogger(__name__)
_Key = tuple[str, str]
"""Tenant and trigger."""


class Subscriptions:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._open: dict[_Key, _Subscription] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def run(self, started: asyncio.Event) -> None:
        """Until cancelled; then it waits for what is being taken in, as long as the bus gives it."""
        try:
            while True:
                seen = changes_seen(self._services)
                await self._look()
                started.set()
                await self._rest(seen)
        finally:
            for key in list(self._open):
                self._close(key, gone=False)
            await asyncio.gather(*self._closing, return_exceptions=True)

    async def _rest(self, seen: int) -> None:
        for _ in range(round(EVERY_SECONDS / NOTICED_SECONDS)):
            await asyncio.sleep(NOTICED_SECONDS)
            if changes_seen(self._services) != seen:
                return

    async def _look(self) -> None:
        try:
            found = {_key(stored): stored for stored in await subscribed_triggers(self._services)}
        except WeftError as error:
            _log.warning("triggers on topics could not be looked up: %s", error)
            return
        for key, subscription in list(self._open.items()):
            stored = found.get(key)
            if stored is None or not subscription.keep(stored):
                self._close(key, gone=stored is None or source_of(stored) != source_of(subscription.stored))
        for key, stored in found.items():
            if key not in self._open:
                self._open[key] = _Subscription(self._services, stored)

    def _close(self, key: _Key, *, gone: bool) -> None:
        """Beside the others, which need not wait for its handlers."""
        subscription = self._open.pop(key)
        task = asyncio.create_task(self._closed(subscription, gone=gone), name=f"close {subscription.source}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _closed(self, subscription: "_Subscription", *, gone: bool) -> None:
        await subscription.close()
        if gone:
            try:
                await forget_subscription(self._services, subscription.stored)
            except WeftError as error:
                _log.warning("the subscription of trigger %s is left: %s", subscription.name, error.message)


class _Subscription:
    """What this process does about one trigger, as long as its topic and its status are the same."""

    def __init__(self, services: Services, stored: Subscribed) -> None:
        self._services = services
        self.stored = stored
        self._said_at: float | None = None
        self.source = subscription_of(stored)
        self._task = asyncio.create_task(self._run(), name=f"consume {self.source}")

    @property
    def name(self) -> str:
        return self.stored.trigger.name

    def keep(self, stored: Subscribed) -> bool:
        """Whether it can go on with the trigger as it is now; it does so then."""
        same = source_of(stored) == source_of(self.stored) and is_consumed(stored) is is_consumed(self.stored)
        if same:
            self.stored = stored
        return same

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        work = self._consume if is_consumed(self.stored) else partial(subscribe, self._services, self.stored.trigger)
        while True:
            try:
                await work()
            except WeftError as error:
                self._say(error)
            except Exception:  # noqa: BLE001  # a defect about one trigger must not end the consumption for the others
                _log.exception("trigger %s cannot be consumed; it is tried again in a minute", self.name)
                await asyncio.sleep(SAID_SECONDS)
            else:
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _consume(self) -> None:
        async with consuming(self._services, self.stored, self._take, at_once=AT_ONCE):
            self._said_at = None
            await asyncio.get_running_loop().create_future()  # until it is cancelled

    async def _take(self, message: Published) -> None:
        pushed = PushedMessage(
            message_id=message.id,
            publish_time=message.published_at,
            attributes=dict(message.attributes),
            body=message.body,
        )
        await accept(self._services, self.stored, pushed)

    def _say(self, error: WeftError) -> None:
        now = asyncio.get_running_loop().time()
        if self._said_at is None or now - self._said_at >= SAID_SECONDS:
            self._said_at = now
            _log.warning("trigger %s gets no messages for now: %s", self.name, error.message)


def _key(stored: Subscribed) -> _Key:
    return stored.tenant, stored.trigger.id
