"""Choose the version that new executions use."""

from msgspec.structs import replace

from engine.domain.errors import NotFound
from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.storage.repositories.workflows import StoredWorkflow
from engine.usecases.caller import Caller
from engine.usecases.changed_workflow import change_workflow, find_workflow
from engine.usecases.services import Services
from engine.usecases.triggers.defining import define_triggers, plan_triggers


async def activate_workflow(services: Services, caller: Caller, name: str, version: int) -> Workflow:
    """Brings an archived workflow back, too. Its triggers become those of the version. Raises `NotFound`, and `ValidationFailed`
    where they cannot.
    """
    caller.require_editor()

    def change(current: StoredWorkflow) -> tuple[Workflow, WorkflowVersion | None] | None:
        workflow = current.workflow
        if not 1 <= version <= workflow.latest_version:
            message = f"workflow {name!r} has no version {version}; the latest is {workflow.latest_version}"
            raise NotFound(message, path=("version",))
        after = replace(workflow, active_version=version, status=WorkflowStatus.ACTIVE)
        return None if after == workflow else (replace(after, updated_at=services.clock()), None)

    stored = await find_workflow(services, caller, name)
    chosen = await services.workflows.version(caller.tenant, stored.workflow.id, version)
    planned = await plan_triggers(services, caller, chosen.definition, stored.workflow.id) if chosen else []
    workflow = await change_workflow(services, caller, name, change)
    await define_triggers(services, caller, workflow, planned)
    return workflow
