"""The subscriptions of triggers on topics: what they bring is stored, with what becomes of it, before it is acknowledged."""

import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from msgspec.structs import replace

from engine.bus.port import Message
from engine.domain.errors import Path, PayloadTooLarge, Problem, Unavailable, ValidationFailed, WeftError
from engine.domain.triggers.cloud_event import CloudEvent, delivery_id
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.domain.triggers.trigger import PubSubSource, Source, Trigger, TriggerKind, TriggerStatus
from engine.storage.port import Conflict
from engine.storage.repositories.triggers import StoredTrigger
from engine.usecases.inputs import require_text
from engine.usecases.services import Services
from engine.usecases.triggers.deliver import deliver, failed, record
from engine.usecases.triggers.receiving import check_event, with_depth

Published = Message
"""A message of a topic."""
Subscribed = StoredTrigger
"""A trigger whose source is a topic."""
_GROUP = "weft.trigger"
_log = logging.getLogger(__name__)


async def subscribed_triggers(services: Services) -> list[Subscribed]:
    """Those of all tenants, the paused ones too. Raises `Unavailable`."""
    return await services.triggers.all_of(TriggerKind.PUBSUB)


def changes_seen(services: Services) -> int:
    """Another number whenever this process has changed a trigger."""
    return services.triggers.changes


def is_consumed(stored: Subscribed) -> bool:
    return stored.trigger.status is TriggerStatus.ENABLED


def source_of(stored: Subscribed) -> PubSubSource:
    source = stored.trigger.source
    assert isinstance(source, PubSubSource)
    return source


def own_subscription(trigger: Trigger) -> str | None:
    """The one that is made for a trigger; None where it names another. One topic's is not another's: a subscription keeps its topic."""
    source = trigger.source
    if not isinstance(source, PubSubSource) or source.subscription is not None:
        return None
    return f"{_GROUP}.{trigger.id}.{hashlib.sha256(source.topic.encode()).hexdigest()[:8]}"


def subscription_of(stored: Subscribed) -> str | None:
    """The one that is consumed for it."""
    return source_of(stored).subscription or own_subscription(stored.trigger)


def foreign_names(services: Services, source: Source, path: Path) -> list[Problem]:
    """What this deployment does not let triggers read. `path` leads to the source."""
    allowed = services.trigger_topics
    if allowed is None or not isinstance(source, PubSubSource):
        return []
    return [
        Problem(message=f"the {what} {name!r} is not among those of WEFT_TRIGGER_TOPICS", path=(*path, what))
        for what, name in (("topic", source.topic), ("subscription", source.subscription))
        if name is not None and name not in allowed
    ]


async def subscribe(services: Services, trigger: Trigger) -> None:
    """So that messages are kept for it from now on, consumed or not. Raises `Unavailable`, and NOT_FOUND where there is no such topic."""
    own, source = own_subscription(trigger), trigger.source
    if own is not None and isinstance(source, PubSubSource):
        await services.bus.subscribe(source.topic, own)


async def subscribe_if_possible(services: Services, trigger: Trigger) -> None:
    """Where it is not, workers keep trying, and say so."""
    try:
        await subscribe(services, trigger)
    except WeftError as error:
        _log.warning("trigger %s is not subscribed yet: %s", trigger.name, error.message)


async def unsubscribe_if_possible(services: Services, before: Trigger, after: Trigger | None) -> None:
    """Deletes the subscription that was made for a trigger and is not used any more. Where that is not possible it is left, and said."""
    own = own_subscription(before)
    if own is None or (after is not None and own_subscription(after) == own):
        return
    try:
        await services.bus.unsubscribe(own)
    except WeftError as error:
        _log.warning("the subscription %s is left: %s", own, error.message)


async def forget_subscription(services: Services, stored: Subscribed) -> None:
    """Once more, by a process that consumed it until now: it may have made it again after it was deleted. Raises `Unavailable`."""
    (now,) = await services.triggers.by_id(stored.tenant, [stored.trigger.id])
    await unsubscribe_if_possible(services, stored.trigger, now.trigger if now else None)


@asynccontextmanager
async def consuming(
    services: Services, stored: Subscribed, take: Callable[[Published], Awaitable[object]], *, at_once: int
) -> AsyncIterator[None]:
    """While the context is open, this process competes with others for the trigger's messages. What makes `take` raise brings the
    message again. Raises `Unavailable`, and NOT_FOUND where there is no such topic.
    """

    async def handled(message: Published) -> None:
        await take(message)

    source = source_of(stored)
    await subscribe(services, stored.trigger)
    name = subscription_of(stored)
    async with services.bus.consume(source.topic, _GROUP, handled, concurrency=at_once, subscription=name):
        yield


async def pushed_to(services: Services, trigger_id: str) -> Subscribed | None:
    """Raises `Unavailable`."""
    return await services.triggers.by_push(trigger_id)


async def take_message(services: Services, stored: Subscribed, event: CloudEvent, *, via: str) -> Delivery:
    """`via` is the message's id. Raises `ValidationFailed`, `PayloadTooLarge`, and `Unavailable`: then nothing was decided."""
    _check(services, event, via)
    return await deliver(services, stored, await with_depth(services, stored.tenant, event), via=via)


async def refuse_message(
    services: Services,
    stored: Subscribed,
    event: CloudEvent,
    error: ValidationFailed | PayloadTooLarge,
    *,
    via: str,
) -> Delivery | None:
    """Records that a message can never be taken; `event` stands for it. None where not even that can be stored, which is logged.
    Raises `Unavailable`.
    """
    try:
        _check(services, event, via)
    except (ValidationFailed, PayloadTooLarge):
        _log.warning("a message for trigger %s is left out: %s", stored.trigger.name, error.message)
        return None
    new = Delivery(
        id=delivery_id(stored.trigger.id, event),
        tenant=stored.tenant,
        trigger_id=stored.trigger.id,
        at=services.clock(),
        event=event,
        outcome=DeliveryOutcome.FAILED,
        via=via,
    )
    dead = replace(failed(services, stored.trigger, new, error), due_at=None)
    try:
        return await record(services, dead, rev=None)
    except Conflict as conflict:
        known = await services.deliveries.get(stored.tenant, new.id)
        if known is None:
            raise Unavailable(f"delivery {new.id} is being changed by others") from conflict
        return known.delivery


def _check(services: Services, event: CloudEvent, via: str) -> None:
    require_text(via, ("messageId",))
    check_event(services, event)
