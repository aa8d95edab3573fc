"""Fire a trigger by hand, run one of its deliveries again, and make up for a past range of its schedule."""

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from engine.domain.batch import Batch, BatchAction, BatchItem, BatchMode
from engine.domain.errors import (
    InvalidState,
    LimitExceeded,
    NotFound,
    Problem,
    Unavailable,
    ValidationFailed,
    WeftError,
)
from engine.domain.ids import EXECUTION, derive
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import DeliveryOutcome
from engine.domain.triggers.schedule import fires
from engine.domain.triggers.trigger import ScheduleSource, Trigger
from engine.storage.port import Conflict
from engine.storage.repositories.idempotency import path_of, use
from engine.usecases.batch_admission import NewBatch, admit_batch, item_error, known_batch
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_json, require_key
from engine.usecases.services import Services
from engine.usecases.start_execution import create
from engine.usecases.triggers.changing import find_trigger
from engine.usecases.triggers.deliver import tell, write_of
from engine.usecases.triggers.starting import by_itself, caller_of, prepare_started
from engine.usecases.views import ExecutionView, view_of

FIRED, SCHEDULED = "weft.trigger.fired", "weft.schedule"
MOST_BACKFILLED = 1_000
_FIRE, _BACKFILL = "fireTrigger", "backfillTrigger"
_TRIES = 20


async def fire_trigger(
    services: Services, caller: Caller, name: str, data: Any, idempotency_key: str | None
) -> ExecutionView:
    """Starts an execution now, whatever the condition, the limits and the status of the trigger. `data` is that of the event.

    Raises `NotFound`, `IdempotencyMismatch`, and what starting an execution raises.
    """
    caller.require_editor()
    require_key(idempotency_key)
    require_json(data, ("data",))
    stored = await find_trigger(services, caller, name)
    request = [stored.trigger.id, data]
    if idempotency_key is not None:
        known = await services.idempotency.find(caller.tenant, _FIRE, idempotency_key, request)
        if known is not None:
            return view_of(await services.journal.load(caller.tenant, known))
    now = services.clock()
    execution_id = services.mint(EXECUTION)
    event = CloudEvent(id=execution_id, source=source_of(stored.trigger), type=FIRED, time=now, data=data)
    prepared = await prepare_started(services, stored, by_itself(stored.trigger, event), depth=0)
    expire_at = now + services.limits.idempotency_window
    writes = (
        [use(caller.tenant, _FIRE, idempotency_key, request=request, result_id=execution_id, expire_at=expire_at)]
        if idempotency_key is not None
        else []
    )
    try:
        return view_of(await create(services, caller_of(stored), execution_id, prepared, list(writes)))
    except Conflict as conflict:
        if idempotency_key is None or conflict.document != path_of(caller.tenant, _FIRE, idempotency_key):
            raise
        first = await services.idempotency.find(caller.tenant, _FIRE, idempotency_key, request)
        assert first is not None
        return view_of(await services.journal.load(caller.tenant, first))


async def replay_delivery(services: Services, caller: Caller, delivery_id: str) -> ExecutionView:
    """Starts an execution for its event now, whatever was decided before; one that failed has started then, and any other one
    starts another execution. Raises `NotFound`, `InvalidState` where its trigger is gone or it waits in a buffer, and what starting an
    execution raises.
    """
    caller.require_editor()
    for _ in range(_TRIES):
        found = await services.deliveries.get(caller.tenant, delivery_id)
        if found is None:
            raise NotFound(f"there is no delivery {delivery_id[:80]!r}", path=("id",))
        delivery = found.delivery
        (stored,) = await services.triggers.by_id(caller.tenant, [delivery.trigger_id])
        if stored is None:
            raise InvalidState(f"the trigger of delivery {delivery_id} is gone", path=("id",))
        if delivery.outcome is DeliveryOutcome.BUFFERED:
            message = f"delivery {delivery_id} waits for others, and is started together with them"
            raise InvalidState(message, path=("id",))
        execution_id = derive(EXECUTION, delivery.id, str(found.rev))
        prepared = await prepare_started(services, stored, by_itself(stored.trigger, delivery.event), depth=0)
        after = msgspec.structs.replace(
            delivery,
            outcome=DeliveryOutcome.STARTED,
            execution_id=execution_id,
            attempts=delivery.attempts + 1,
            failure=None,
            due_at=None,
        )
        try:
            write = write_of(services, after, rev=found.rev)
            view = view_of(await create(services, caller_of(stored), execution_id, prepared, [write]))
        except Conflict:
            continue
        tell(services, after)
        return view
    raise Unavailable(f"delivery {delivery_id} is being changed by others")


class Range(NamedTuple):
    """From `begin` (included) to `end` (excluded)."""

    begin: datetime
    end: datetime


async def backfill_trigger(
    services: Services, caller: Caller, name: str, past: Range, idempotency_key: str | None
) -> Batch:
    """Starts an execution for each scheduled time of a range that is over, as a batch.

    Raises `NotFound`, `ValidationFailed`, `LimitExceeded`, `IdempotencyMismatch`.
    """
    caller.require_editor()
    require_key(idempotency_key)
    stored = await find_trigger(services, caller, name)
    trigger, (begin, end) = stored.trigger, past
    if not isinstance(trigger.source, ScheduleSource):
        raise ValidationFailed([Problem(message=f"trigger {name!r} has no schedule", path=("name",))])
    if begin >= end:
        raise ValidationFailed([Problem(message="the range ends before it begins", path=("to",))])
    if end > services.clock():
        raise ValidationFailed([Problem(message="the range is not over yet", path=("to",))])
    request = [trigger.id, *past]
    known = await known_batch(services, caller, _BACKFILL, idempotency_key, request)
    if known is not None:
        return known
    times = _times(trigger, trigger.source, begin, end)
    if not times:
        raise ValidationFailed([Problem(message="nothing is scheduled in that range", path=("from",))])
    items: list[BatchItem] = []
    for index, time in enumerate(times):
        event = scheduled_event(trigger, time)
        try:
            prepared = await prepare_started(services, stored, event.as_value(), depth=0)
        except WeftError as error:
            items.append(BatchItem(index=index, error=item_error(error)))
        else:
            items.append(BatchItem(index=index, request=msgspec.to_builtins(prepared.queued, str_keys=True)))
    new = NewBatch(action=BatchAction.START, mode=BatchMode.BEST_EFFORT, items=items, request=request)
    return await admit_batch(services, caller, _BACKFILL, idempotency_key, new)


def scheduled_event(trigger: Trigger, time: datetime) -> CloudEvent:
    """The same for the same time, however many look at the clock."""
    moment = time.isoformat().replace("+00:00", "Z")
    return CloudEvent(id=moment, source=source_of(trigger), type=SCHEDULED, time=time)


def source_of(trigger: Trigger) -> str:
    return f"/triggers/{trigger.name}"


def _times(trigger: Trigger, source: ScheduleSource, begin: datetime, end: datetime) -> list[datetime]:
    just_before = begin - begin.resolution
    found: list[datetime] = []
    for time in fires(source, just_before, anchor=trigger.created_at):
        if time >= end:
            break
        found.append(time)
        if len(found) > MOST_BACKFILLED:
            message = f"more than {MOST_BACKFILLED:,} times are scheduled in that range: take a smaller one"
            raise LimitExceeded(message, path=("to",))
    return found
