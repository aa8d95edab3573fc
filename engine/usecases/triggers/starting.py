"""What a trigger starts: the request that its mapping makes of an event, under the trigger's own name."""

from typing import Any

from engine.domain.errors import Problem, ValidationFailed
from engine.domain.expressions import ExpressionFailed, Scope, render
from engine.domain.ids import TenantId
from engine.domain.triggers.cloud_event import TRACE, CloudEvent
from engine.domain.triggers.trigger import Trigger
from engine.storage.repositories.triggers import StoredTrigger
from engine.usecases.caller import Caller, Role
from engine.usecases.services import Services
from engine.usecases.start_execution import Origin, Prepared, StartExecution, prepare


def caller_of(stored: StoredTrigger) -> Caller:
    """Executions show the trigger as their actor."""
    return Caller(tenant=TenantId(stored.tenant), principal=f"trigger:{stored.trigger.name}", role=Role.EDITOR)


def by_itself(trigger: Trigger, event: CloudEvent) -> Any:
    """What expressions see of one event: where a trigger gathers events they are about a list."""
    return [event.as_value()] if trigger.buffer else event.as_value()


async def prepare_started(services: Services, stored: StoredTrigger, event: Any, *, depth: int) -> Prepared:
    """`event` is what expressions see by that name. Raises what `prepare` raises; `ValidationFailed` with a path into the mapping."""
    trigger = stored.trigger
    request = StartExecution(workflow="", input=mapped(trigger, event, Scope({"event": event}, now=services.clock())))
    origin = Origin(workflow_id=trigger.workflow_id, trigger_id=trigger.id, depth=depth, trace=_trace(event))
    return await prepare(services, caller_of(stored), request, origin)


def mapped(trigger: Trigger, event: Any, scope: Scope) -> Any:
    """Raises `ValidationFailed`."""
    if trigger.input_mapping is None:
        return _unmapped(event)
    try:
        return render(trigger.input_mapping, scope)
    except ExpressionFailed as error:
        raise ValidationFailed([Problem(message=error.message, path=("inputMapping", *error.path))]) from error


def _trace(event: Any) -> dict[str, str]:
    """Of several events the first one's."""
    first = event[0] if isinstance(event, list) else event
    return {name: first[name] for name in TRACE if isinstance(first.get(name), str)}


def _unmapped(event: Any) -> dict[str, Any]:
    if isinstance(event, list):
        return {"events": event}
    return event["data"] if isinstance(event["data"], dict) else {"event": event}
