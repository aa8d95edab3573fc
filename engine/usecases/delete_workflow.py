"""Delete a workflow with all its versions. Its ended executions stay."""

from datetime import datetime

from engine.domain.errors import InvalidState, RevisionConflict
from engine.domain.status import ExecutionStatus
from engine.domain.triggers.trigger import Trigger
from engine.storage.port import Conflict
from engine.storage.repositories.execution_queries import ExecutionQuery
from engine.usecases.caller import Caller
from engine.usecases.changed_workflow import find_workflow
from engine.usecases.services import Services
from engine.usecases.triggers.changing import delete_trigger

_AT_ONCE = 200
_LIVE = tuple(status for status in ExecutionStatus if not status.terminal)


async def delete_workflow(services: Services, caller: Caller, name: str) -> str:
    """Returns the id. Triggers that its definition has go with it. Raises `NotFound`, and `InvalidState` while it has live executions, or
    other triggers start it.
    """
    caller.require_editor()
    stored = await find_workflow(services, caller, name)
    live = await services.queries.count(caller.tenant, ExecutionQuery(workflow_id=stored.workflow.id, statuses=_LIVE))
    if live:
        raise InvalidState(f"workflow {name!r} has {live} live executions", path=("name",))
    triggers = await _triggers(services, caller, stored.workflow.id)
    others = [trigger.name for trigger in triggers if trigger.defined_by is None]
    if others:
        raise InvalidState(f"{len(others)} triggers start workflow {name!r}: delete them first", path=("name",))
    for trigger in triggers:
        await delete_trigger(services, caller, trigger.name)
    try:
        await services.workflows.delete(caller.tenant, stored)
    except Conflict as conflict:
        raise RevisionConflict(f"workflow {name!r} was changed meanwhile", path=("name",)) from conflict
    return stored.workflow.id


async def _triggers(services: Services, caller: Caller, workflow_id: str) -> list[Trigger]:
    found: list[Trigger] = []
    start_after: tuple[datetime, str] | None = None
    while True:
        page = await services.triggers.page(
            caller.tenant, kinds=None, workflow_id=workflow_id, start_after=start_after, limit=_AT_ONCE
        )
        found.extend(stored.trigger for stored in page)
        if len(page) < _AT_ONCE:
            return found
        start_after = (found[-1].created_at, found[-1].id)
