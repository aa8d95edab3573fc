"""Delete a workflow with all its versions. Its ended executions stay."""

from engine.domain.errors import InvalidState, RevisionConflict
from engine.domain.status import ExecutionStatus
from engine.storage.port import Conflict
from engine.storage.repositories.execution_queries import ExecutionQuery
from engine.usecases.caller import Caller
from engine.usecases.changed_workflow import find_workflow
from engine.usecases.services import Services

_LIVE = tuple(status for status in ExecutionStatus if not status.terminal)


async def delete_workflow(services: Services, caller: Caller, name: str) -> str:
    """Returns the id. Raises `NotFound`, and `InvalidState` while it has live executions, or triggers that start it."""
    caller.require_editor()
    stored = await find_workflow(services, caller, name)
    live = await services.queries.count(caller.tenant, ExecutionQuery(workflow_id=stored.workflow.id, statuses=_LIVE))
    if live:
        raise InvalidState(f"workflow {name!r} has {live} live executions", path=("name",))
    triggers = await services.triggers.count(caller.tenant, workflow_id=stored.workflow.id)
    if triggers:
        raise InvalidState(f"{triggers} triggers start workflow {name!r}: delete them first", path=("name",))
    try:
        await services.workflows.delete(caller.tenant, stored)
    except Conflict as conflict:
        raise RevisionConflict(f"workflow {name!r} was changed meanwhile", path=("name",)) from conflict
    return stored.workflow.id
