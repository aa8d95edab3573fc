"""Give an event to a trigger: its fate is decided, and stored in the commit that starts the execution."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from engine.bus.topics import DELIVERED
from engine.domain.errors import PayloadTooLarge, Unavailable, ValidationFailed, WeftError
from engine.domain.expressions import ExpressionFailed, Scope, bare, condition, evaluate
from engine.domain.failure import Failure
from engine.domain.ids import EXECUTION, derive
from engine.domain.status import FailureKind
from engine.domain.triggers.cloud_event import DELIVERY, CloudEvent, delivery_id, depth_of
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.domain.triggers.trigger import Throttle, Trigger
from engine.storage.port import Conflict, Write
from engine.storage.repositories.deliveries import (
    StoredDelivery,
    Window,
    dedup_write,
    delivery_write,
    window_write,
)
from engine.storage.repositories.head import execution_path
from engine.storage.repositories.triggers import StoredTrigger
from engine.usecases.services import Services
from engine.usecases.start_execution import create
from engine.usecases.triggers.gathering import add
from engine.usecases.triggers.starting import caller_of, prepare_started

DEPTH_LIMIT = 16
"""Executions that may lead to one another by their events, before it is said to be a loop."""
DEDUP_WINDOW = timedelta(days=1)
"""Where a trigger has a dedup key and does not say how long it counts."""
_FIRST_RETRY, _LONGEST_RETRY = timedelta(seconds=1), timedelta(minutes=10)
_TRIES = 30
_LONGEST_PAUSE_SECONDS = 0.5
"""Between tries, so that processes that want the same get it one after the other."""
_O = DeliveryOutcome


async def deliver(
    services: Services, stored: StoredTrigger, event: CloudEvent, *, via: str, also: Sequence[Write] = ()
) -> Delivery:
    """Durable when it returns. `via` names the message or request that brought the event: once it is decided what becomes of it, the
    same one changes nothing more, and another one with the same event is a DUPLICATE. `also` is written in the same commit, and
    must hold whatever else was written. Raises `Unavailable`.
    """
    trigger = stored.trigger
    if trigger.throttle is None and trigger.buffer is None and trigger.dedup_key is None:
        return await _delivered(services, stored, event, via, also)
    async with services.turns.of((stored.tenant, trigger.id)):  # what they remember is one document
        return await _delivered(services, stored, event, via, also)


async def _delivered(
    services: Services, stored: StoredTrigger, event: CloudEvent, via: str, also: Sequence[Write]
) -> Delivery:
    identifier = delivery_id(stored.trigger.id, event)
    for tries in range(_TRIES):
        known = await services.deliveries.get(stored.tenant, identifier)
        try:
            if known is None:
                return await _decide(services, stored, _new(services, stored, event, identifier, via), also)
            if known.delivery.via == via:
                return await _known(services, known.delivery, also)
            again = derive(DELIVERY, identifier, via)
            if (twice := await services.deliveries.get(stored.tenant, again)) is not None:
                return await _known(services, twice.delivery, also)
            duplicate = replace(_new(services, stored, event, again, via), outcome=_O.DUPLICATE)
            duplicate = replace(duplicate, execution_id=known.delivery.execution_id)
            return await record(services, duplicate, rev=None, writes=also)
        except Conflict:  # somebody else decided something meanwhile: look again
            await asyncio.sleep(_LONGEST_PAUSE_SECONDS * services.random_bytes(1)[0] / 255 * tries / _TRIES)
    raise Unavailable(f"trigger {stored.trigger.name!r} gets too many events at once")


async def _known(services: Services, delivery: Delivery, also: Sequence[Write]) -> Delivery:
    if also:
        await services.deliveries.commit(also)
    return delivery


async def try_again(services: Services, stored: StoredTrigger, failed: StoredDelivery) -> Delivery:
    """Starts what could not be started before, unless the trigger had enough of its like meanwhile. Raises `Unavailable`, `Conflict`
    where somebody else tried it meanwhile.
    """
    delivery = failed.delivery
    try:
        keys = _keys(stored.trigger, Scope({"event": delivery.event.as_value()}, now=delivery.at))
    except ExpressionFailed as error:  # the trigger has other expressions now
        return await record(services, replace(delivery, failure=_unreadable(error), due_at=None), rev=failed.rev)
    async with services.turns.of((stored.tenant, stored.trigger.id)):
        return await _take(services, stored, delivery, keys, (), rev=failed.rev)


async def record(services: Services, delivery: Delivery, *, rev: int | None, writes: Sequence[Write] = ()) -> Delivery:
    """Raises `Conflict`, `Unavailable`."""
    await services.deliveries.commit([write_of(services, delivery, rev=rev), *writes])
    tell(services, delivery)
    return delivery


def write_of(services: Services, delivery: Delivery, *, rev: int | None) -> Write:
    kept = services.limits.dead_letters_kept if delivery.dead else services.limits.deliveries_kept
    decided = delivery.due_at is None and delivery.outcome is not _O.BUFFERED
    return delivery_write(delivery, rev=rev, expire_at=delivery.at + kept if decided else None)


def tell(services: Services, delivery: Delivery) -> None:
    body = msgspec.json.encode([delivery.tenant, delivery.id])
    services.bus.hint(DELIVERED, body, {"trigger": delivery.trigger_id})


def _new(services: Services, stored: StoredTrigger, event: CloudEvent, identifier: str, via: str) -> Delivery:
    return Delivery(
        id=identifier,
        tenant=stored.tenant,
        trigger_id=stored.trigger.id,
        at=services.clock(),
        event=event,
        outcome=_O.FAILED,
        via=via,
    )


async def _decide(services: Services, stored: StoredTrigger, new: Delivery, also: Sequence[Write]) -> Delivery:
    trigger = stored.trigger
    scope = Scope({"event": new.event.as_value()}, now=new.at)
    try:
        wanted = trigger.condition is None or condition(trigger.condition, scope)
        keys = _keys(trigger, scope)
    except ExpressionFailed as error:
        return await record(services, replace(new, failure=_unreadable(error)), rev=None, writes=also)
    if not wanted:
        return await record(services, replace(new, outcome=_O.FILTERED), rev=None, writes=also)
    if depth_of(new.event) > DEPTH_LIMIT:
        return await record(services, replace(new, failure=_LOOP), rev=None, writes=also)
    return await _take(services, stored, new, keys, also, rev=None)


class _Keys(NamedTuple):
    dedup: str | None
    gathered: str | None


def _keys(trigger: Trigger, scope: Scope) -> _Keys:
    """Raises `ExpressionFailed`."""
    return _Keys(_key(trigger.dedup_key, scope), _key(trigger.buffer.key, scope) if trigger.buffer else None)


async def _take(
    services: Services, stored: StoredTrigger, new: Delivery, keys: _Keys, also: Sequence[Write], *, rev: int | None
) -> Delivery:
    """An event that the trigger wants, unless it had enough of its like."""
    trigger, tenant = stored.trigger, stored.tenant
    writes: list[Write] = []
    if keys.dedup is not None:
        known, open_ = await services.deliveries.dedup(tenant, trigger.id, keys.dedup, new.at)
        if open_:
            return await record(services, _decided(new, _O.DUPLICATE), rev=rev, writes=also)
        until = new.at + (trigger.dedup_window or DEDUP_WINDOW)
        writes.append(dedup_write(tenant, trigger.id, keys.dedup, until, rev=known))
    if trigger.buffer is not None:
        added = await add(services, stored, trigger.buffer, new, keys.gathered)
        buffered = await record(services, _decided(new, _O.BUFFERED), rev=rev, writes=[*writes, *added.writes, *also])
        added.hint(services)
        return buffered
    if trigger.throttle is not None:
        start = await _within(services, stored, trigger.throttle, new)
        if start is None:
            return await record(services, _decided(new, _O.THROTTLED), rev=rev, writes=also)
        writes.append(start)
    return await _start(services, stored, new, new.event.as_value(), writes=writes, also=also, rev=rev)


def _decided(delivery: Delivery, outcome: DeliveryOutcome) -> Delivery:
    return replace(delivery, outcome=outcome, failure=None, due_at=None)


def _key(source: str | None, scope: Scope) -> str | None:
    """As JSON, so that 1 and "1" differ. Raises `ExpressionFailed`."""
    return None if source is None else msgspec.json.encode(evaluate(bare(source), scope)).decode()


async def _within(services: Services, stored: StoredTrigger, throttle: Throttle, new: Delivery) -> Write | None:
    """None where there were as many as there may be within the time that ends now."""
    rev, window = await services.deliveries.window(stored.tenant, stored.trigger.id)
    recent = tuple(each for each in window.starts if each > new.at - throttle.per)
    if len(recent) >= throttle.limit:
        return None
    return window_write(stored.tenant, stored.trigger.id, Window((*recent, new.at)), rev=rev)


async def _start(
    services: Services,
    stored: StoredTrigger,
    delivery: Delivery,
    event: Any,
    *,
    writes: Sequence[Write] = (),
    also: Sequence[Write] = (),
    rev: int | None,
) -> Delivery:
    """In one commit with `writes` and `also`; what cannot be started is recorded as that, in one commit with `also`."""
    execution_id = derive(EXECUTION, delivery.id)
    tried = replace(delivery, attempts=delivery.attempts + 1)
    started = replace(tried, outcome=_O.STARTED, execution_id=execution_id, failure=None, due_at=None)
    try:
        prepared = await prepare_started(services, stored, event, depth=depth_of(delivery.event))
        await create(
            services, caller_of(stored), execution_id, prepared, [*writes, *also, write_of(services, started, rev=rev)]
        )
    except Conflict as conflict:
        if conflict.document == execution_path(
            stored.tenant, execution_id
        ):  # an earlier life of this delivery did that
            return await record(services, started, rev=rev, writes=also)
        raise
    except Unavailable:
        raise
    except WeftError as error:
        return await record(services, failed(services, stored.trigger, tried, error), rev=rev, writes=also)
    tell(services, started)
    return started


def failed(services: Services, trigger: Trigger, tried: Delivery, error: WeftError) -> Delivery:
    """What does not fit will never fit; all else is tried again, later and later."""
    last = is_last(trigger, tried.attempts, error)
    details: dict[str, Any] | None = {"path": list(error.path)} if error.path else None
    if isinstance(error, ValidationFailed):
        details = {"problems": [{"message": each.message, "path": list(each.path)} for each in error.problems]}
    failure = Failure(
        kind=FailureKind.TASK, code=error.code.lower(), message=error.message, retryable=not last, details=details
    )
    due_at = None if last else services.clock() + pause_after(tried.attempts)
    return replace(tried, outcome=_O.FAILED, execution_id=None, failure=failure, due_at=due_at)


def is_last(trigger: Trigger, attempts: int, error: WeftError) -> bool:
    return isinstance(error, ValidationFailed | PayloadTooLarge) or attempts >= trigger.max_attempts


def pause_after(attempts: int) -> timedelta:
    return min(_FIRST_RETRY * float(2 ** min(attempts - 1, 20)), _LONGEST_RETRY)


def _unreadable(error: ExpressionFailed) -> Failure:
    return Failure(kind=FailureKind.TASK, code="expression_failed", message=error.message, retryable=False)


_LOOP = Failure(
    kind=FailureKind.TASK,
    code="chain_too_long",
    message=f"more than {DEPTH_LIMIT} executions led to this event one after the other: the triggers start each other",
    retryable=False,
)
