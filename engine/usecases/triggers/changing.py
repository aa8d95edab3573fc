"""Create, change, pause, resume and delete triggers."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.domain.errors import AlreadyExists, NotFound, Problem, RevisionConflict, ValidationFailed
from engine.domain.triggers.checking import trigger_problems
from engine.domain.triggers.schedule import fires, jittered
from engine.domain.triggers.trigger import (
    TRIGGER,
    Buffer,
    ScheduleSource,
    Source,
    Throttle,
    Trigger,
    TriggerStatus,
    WebhookSource,
)
from engine.storage.port import Conflict
from engine.storage.repositories.triggers import Schedule, StoredTrigger
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_json, require_size
from engine.usecases.services import Services
from engine.usecases.triggers.subscribing import foreign_names, subscribe_if_possible, unsubscribe_if_possible

_TRIES = 20


class NewTrigger(msgspec.Struct, frozen=True, kw_only=True):
    """As `Trigger`; `workflow` is a name."""

    name: str
    workflow: str
    source: Source
    condition: str | None = None
    input_mapping: Any = None
    dedup_key: str | None = None
    dedup_window: timedelta | None = None
    throttle: Throttle | None = None
    buffer: Buffer | None = None
    max_attempts: int = 5


async def create_trigger(services: Services, caller: Caller, new: NewTrigger) -> Trigger:
    """Raises `ValidationFailed` with everything that is wrong, `NotFound` for the workflow, `AlreadyExists`."""
    caller.require_editor()
    workflow = await services.workflows.by_name(caller.tenant, new.workflow)
    if workflow is None:
        raise NotFound(f"there is no workflow {new.workflow[:80]!r}", path=("workflow",))
    given = {name: getattr(new, name) for name in new.__struct_fields__ if name != "workflow"}
    trigger = Trigger(
        id=services.mint(TRIGGER),
        workflow_id=workflow.workflow.id,
        created_at=services.clock(),
        actor=caller.principal,
        hook_token=_new_token(services) if isinstance(new.source, WebhookSource) else None,
        **given,
    )
    _check(services, trigger)
    try:
        await services.triggers.create(caller.tenant, trigger, begun(trigger, trigger.created_at))
    except Conflict as conflict:
        existing = await services.triggers.by_name(caller.tenant, new.name)
        message = f"there is a trigger {new.name!r} already"
        existing_id = existing.trigger.id if existing else None
        raise AlreadyExists(message, path=("name",), existing_id=existing_id) from conflict
    await subscribe_if_possible(services, trigger)
    return trigger


async def update_trigger(services: Services, caller: Caller, name: str, changes: dict[str, Any]) -> Trigger:
    """`changes` are attributes of the trigger; a source of another kind is refused. Raises `ValidationFailed`, `NotFound`."""
    caller.require_editor()

    def change(trigger: Trigger) -> Trigger:
        after = replace(trigger, **changes)
        if after.kind is not trigger.kind:
            message = f"trigger {name!r} is one of {trigger.kind.value}, and stays one: create another"
            raise ValidationFailed([Problem(message=message, path=("source",))])
        _check(services, after)
        return after

    return await change_trigger(services, caller, name, change)


async def pause_trigger(services: Services, caller: Caller, name: str) -> Trigger:
    """What comes meanwhile waits where it can: in its subscription, or with its sender. Raises `NotFound`."""
    caller.require_editor()
    return await change_trigger(services, caller, name, lambda trigger: paused(trigger, None))


async def resume_trigger(services: Services, caller: Caller, name: str) -> Trigger:
    """A schedule goes on with the times to come. Raises `NotFound`."""
    caller.require_editor()

    def change(trigger: Trigger) -> Trigger:
        return replace(trigger, status=TriggerStatus.ENABLED, paused_because=None)

    return await change_trigger(services, caller, name, change)


async def rotate_webhook(services: Services, caller: Caller, name: str) -> Trigger:
    """Gives the webhook another address; the old one leads nowhere from now on. Raises `NotFound`, `ValidationFailed`."""
    caller.require_editor()

    def change(trigger: Trigger) -> Trigger:
        if trigger.hook_token is None:
            raise ValidationFailed([Problem(message=f"trigger {name!r} has no webhook", path=("name",))])
        return replace(trigger, hook_token=_new_token(services))

    return await change_trigger(services, caller, name, change)


async def delete_trigger(services: Services, caller: Caller, name: str) -> str:
    """Returns the id. What it started goes on. Raises `NotFound`."""
    caller.require_editor()
    for _ in range(_TRIES):
        stored = await find_trigger(services, caller, name)
        try:
            await services.triggers.delete(stored)
        except Conflict:
            continue
        await unsubscribe_if_possible(services, stored.trigger, None)
        return stored.trigger.id
    raise RevisionConflict(f"trigger {name!r} is being changed by others", path=("name",))


async def find_trigger(services: Services, caller: Caller, name: str) -> StoredTrigger:
    """Raises `NotFound`."""
    stored = await services.triggers.by_name(caller.tenant, name)
    if stored is None:
        raise NotFound(f"there is no trigger {name[:80]!r}", path=("name",))
    return stored


async def change_trigger(
    services: Services, caller: Caller, name: str, change: Callable[[Trigger], Trigger]
) -> Trigger:
    """Asks `change` again whenever somebody else was quicker."""
    for _ in range(_TRIES):
        stored = await find_trigger(services, caller, name)
        after = change(stored.trigger)
        if after == stored.trigger:
            return after
        anew = after.source != stored.trigger.source or after.status is not stored.trigger.status
        rev, schedule = await _going_on(services, stored, after) if anew else (None, None)
        try:
            await services.triggers.save(stored, after, schedule, schedule_rev=rev)
        except Conflict:
            continue
        if after.source != stored.trigger.source:
            await subscribe_if_possible(services, after)
            await unsubscribe_if_possible(services, stored.trigger, after)
        return after
    raise RevisionConflict(f"trigger {name!r} is being changed by others", path=("name",))


def paused(trigger: Trigger, because: str | None) -> Trigger:
    return replace(trigger, status=TriggerStatus.PAUSED, paused_because=because)


def begun(trigger: Trigger, now: datetime) -> Schedule | None:
    """Where a schedule stands that has fired nothing since `now`; a paused one is not due. None of what is no schedule."""
    if not isinstance(trigger.source, ScheduleSource):
        return None
    enabled = trigger.status is TriggerStatus.ENABLED
    next_ = next(fires(trigger.source, now, anchor=trigger.created_at), None) if enabled else None
    return Schedule(trigger_id=trigger.id, next=next_, due_at=due(trigger, next_))


async def _going_on(services: Services, stored: StoredTrigger, after: Trigger) -> tuple[int | None, Schedule | None]:
    """Where a schedule stands after a change, and the rev of where it stood. With other times, or when it runs again, it goes on with
    the times to come; what it knows of its executions stays, but for the failure that paused it.
    """
    before, now = stored.trigger, services.clock()
    fresh = begun(after, now)
    if fresh is None:
        return None, None
    known = await services.triggers.schedule(stored.tenant, after.id)
    if known is None:
        return None, fresh
    former = known.schedule
    same = _times(before) == _times(after) and before.status is after.status
    next_ = former.next if same else fresh.next
    enabled = after.status is TriggerStatus.ENABLED
    resumed = enabled and before.paused_because is not None
    going_on = replace(
        former,
        next=next_,
        due_at=(now if former.waiting else due(after, next_)) if enabled else None,
        execution_id=None if resumed else former.execution_id,
    )
    return known.rev, going_on


def _times(trigger: Trigger) -> tuple[object, ...] | None:
    """What decides when a schedule fires, but for how long it waits then."""
    source = trigger.source
    if not isinstance(source, ScheduleSource):
        return None
    return source.cron, source.every, source.timezone, source.start_at, source.end_at


def due(trigger: Trigger, scheduled: datetime | None) -> datetime | None:
    """When a scheduled time fires."""
    if scheduled is None or not isinstance(trigger.source, ScheduleSource):
        return None
    return jittered(trigger.id, scheduled, trigger.source.jitter or timedelta(0))


def _check(services: Services, trigger: Trigger) -> None:
    require_json(trigger.input_mapping, ("inputMapping",))
    problems = trigger_problems(trigger) or foreign_names(services, trigger.source, ("source", "pubsub"))
    if problems:
        raise ValidationFailed(problems)
    require_size(trigger.input_mapping, services.limits.input_bytes, ("inputMapping",))


def _new_token(services: Services) -> str:
    """256 random bits."""
    return base64.urlsafe_b64encode(services.random_bytes(32)).decode().rstrip("=")
