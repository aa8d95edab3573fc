"""Read triggers, what they did, and when they fire next."""

import itertools
from collections.abc import Sequence
from datetime import datetime

from engine.domain.errors import BadRequest
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.domain.triggers.schedule import fires
from engine.domain.triggers.trigger import ScheduleSource, Trigger, TriggerKind, TriggerStatus
from engine.storage.repositories.triggers import Schedule
from engine.usecases.caller import Caller
from engine.usecases.paging import Cursors, Page, PageRequest, check_first, decode_cursor
from engine.usecases.services import Services

MOST_PREVIEWED = 100
ScheduleState = Schedule
"""How far a schedule has come."""
_SCOPE, _DELIVERIES = "triggers", "deliveries"


async def trigger_by_name(services: Services, caller: Caller, name: str) -> Trigger | None:
    stored = await services.triggers.by_name(caller.tenant, name)
    return stored.trigger if stored else None


async def triggers_by_id(services: Services, caller: Caller, ids: Sequence[str]) -> list[Trigger | None]:
    return [stored.trigger if stored else None for stored in await services.triggers.by_id(caller.tenant, ids)]


async def list_triggers(
    services: Services,
    caller: Caller,
    kinds: Sequence[TriggerKind] | None,
    page: PageRequest,
    *,
    workflow_id: str | None = None,
) -> Page[Trigger]:
    """Newest first. Raises `BadRequest` for a page size or a cursor that is not acceptable."""
    first = check_first(page.first)
    after = decode_cursor(_SCOPE, page.after, (datetime, str)) if page.after is not None else None
    if kinds is not None and not kinds:
        return Page(items=[], cursors=[], has_next=False, has_previous=False)
    start = (after[0], after[1]) if after else None
    found = await services.triggers.page(
        caller.tenant, kinds=kinds, workflow_id=workflow_id, start_after=start, limit=first + 1
    )
    items = [stored.trigger for stored in found[:first]]
    return Page(
        items=items,
        cursors=Cursors(_SCOPE, items, lambda trigger: (trigger.created_at, trigger.id)),
        has_next=len(found) > first,
        has_previous=after is not None,
    )


async def count_triggers(
    services: Services, caller: Caller, kinds: Sequence[TriggerKind] | None, *, workflow_id: str | None = None
) -> int:
    if kinds is not None and not kinds:
        return 0
    return await services.triggers.count(caller.tenant, kinds=kinds, workflow_id=workflow_id)


async def schedules_of(services: Services, caller: Caller, ids: Sequence[str]) -> list[Schedule | None]:
    found = await services.triggers.schedules(caller.tenant, ids)
    return [stored.schedule if stored else None for stored in found]


def next_fires(services: Services, trigger: Trigger, count: int) -> list[datetime]:
    """Of a schedule, from now on, jitter left aside; of a paused one those that it would have. Raises `BadRequest`."""
    if not 1 <= count <= MOST_PREVIEWED:
        raise BadRequest(f"first must be between 1 and {MOST_PREVIEWED}, not {count}", path=("first",))
    if not isinstance(trigger.source, ScheduleSource):
        return []
    return list(itertools.islice(fires(trigger.source, services.clock(), anchor=trigger.created_at), count))


async def deliveries_by_id(services: Services, caller: Caller, ids: Sequence[str]) -> list[Delivery | None]:
    return [stored.delivery if stored else None for stored in await services.deliveries.get_many(caller.tenant, ids)]


async def list_deliveries(
    services: Services,
    caller: Caller,
    trigger_id: str,
    outcomes: Sequence[DeliveryOutcome] | None,
    page: PageRequest,
) -> Page[Delivery]:
    """Newest first. Raises `BadRequest` for a page size or a cursor that is not acceptable."""
    first = check_first(page.first)
    after = decode_cursor(_DELIVERIES, page.after, (datetime, str)) if page.after is not None else None
    if outcomes is not None and not outcomes:
        return Page(items=[], cursors=[], has_next=False, has_previous=False)
    start = (after[0], after[1]) if after else None
    found = await services.deliveries.page(
        caller.tenant, trigger_id, outcomes=outcomes, start_after=start, limit=first + 1
    )
    items = found[:first]
    return Page(
        items=items,
        cursors=Cursors(_DELIVERIES, items, lambda delivery: (delivery.at, delivery.id)),
        has_next=len(found) > first,
        has_previous=after is not None,
    )


async def count_deliveries(
    services: Services, caller: Caller, trigger_id: str, outcomes: Sequence[DeliveryOutcome] | None
) -> int:
    if outcomes is not None and not outcomes:
        return 0
    return await services.deliveries.count(caller.tenant, trigger_id, outcomes)


async def last_started_at(services: Services, caller: Caller, trigger_id: str) -> datetime | None:
    """When the newest event that started something came."""
    found = await services.deliveries.page(
        caller.tenant, trigger_id, outcomes=(DeliveryOutcome.STARTED,), start_after=None, limit=1
    )
    return found[0].at if found else None


def next_fire_at(trigger: Trigger, schedule: Schedule | None) -> datetime | None:
    """Null while it is paused."""
    if schedule is None or trigger.status is TriggerStatus.PAUSED:
        return None
    return schedule.waiting or schedule.next
