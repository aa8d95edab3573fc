"""Archive a workflow: it starts nothing any more; what runs goes on."""

from msgspec.structs import replace

from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.storage.repositories.workflows import StoredWorkflow
from engine.usecases.caller import Caller
from engine.usecases.changed_workflow import change_workflow
from engine.usecases.services import Services


async def archive_workflow(services: Services, caller: Caller, name: str) -> Workflow:
    """Archiving an archived one changes nothing. Raises `NotFound`."""
    caller.require_editor()

    def change(current: StoredWorkflow) -> tuple[Workflow, WorkflowVersion | None] | None:
        after = replace(current.workflow, status=WorkflowStatus.ARCHIVED)
        return None if after == current.workflow else (replace(after, updated_at=services.clock()), None)

    return await change_workflow(services, caller, name, change)
