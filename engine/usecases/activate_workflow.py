"""Choose the version that new executions use."""

from msgspec.structs import replace

from engine.domain.errors import NotFound
from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.storage.repositories.workflows import StoredWorkflow
from engine.usecases.caller import Caller
from engine.usecases.changed_workflow import change_workflow
from engine.usecases.services import Services


async def activate_workflow(services: Services, caller: Caller, name: str, version: int) -> Workflow:
    """Brings an archived workflow back, too. Raises `NotFound`."""
    caller.require_editor()

    def change(current: StoredWorkflow) -> tuple[Workflow, WorkflowVersion | None] | None:
        workflow = current.workflow
        if not 1 <= version <= workflow.latest_version:
            message = f"workflow {name!r} has no version {version}; the latest is {workflow.latest_version}"
            raise NotFound(message, path=("version",))
        after = replace(workflow, active_version=version, status=WorkflowStatus.ACTIVE)
        return None if after == workflow else (replace(after, updated_at=services.clock()), None)

    return await change_workflow(services, caller, name, change)
