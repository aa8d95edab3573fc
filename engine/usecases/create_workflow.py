"""Create a workflow from a definition."""

from typing import Any

from engine.domain.errors import AlreadyExists
from engine.domain.ids import WORKFLOW
from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.storage.port import Conflict
from engine.storage.repositories.workflows import StoredWorkflow
from engine.usecases.caller import Caller
from engine.usecases.checked_definition import check_definition
from engine.usecases.inputs import checked_labels
from engine.usecases.services import Services
from engine.usecases.triggers.defining import define_triggers, plan_triggers


async def create_workflow(
    services: Services, caller: Caller, definition: Any, *, activate: bool, labels: Any
) -> Workflow:
    """`definition` is a JSON object or a string of YAML; `labels` are added to its own. Its triggers are created where it is active.

    Raises `ValidationFailed`, `AlreadyExists`, `PayloadTooLarge`.
    """
    caller.require_editor()
    given = checked_labels(labels)
    checked = await check_definition(services, definition)
    if activate and checked.document.get("triggers"):
        await _require_free(services, caller, checked.name)  # else its own triggers would be what is in the way
    planned = await plan_triggers(services, caller, checked.document, None) if activate else []
    now = services.clock()
    workflow = Workflow(
        id=services.mint(WORKFLOW),
        name=checked.name,
        status=WorkflowStatus.ACTIVE if activate else WorkflowStatus.DRAFT,
        created_at=now,
        updated_at=now,
        latest_version=1,
        active_version=1 if activate else None,
        title=checked.document.get("title"),
        description=checked.document.get("description"),
        labels={**checked.document.get("labels", {}), **given},
    )
    version = WorkflowVersion(
        workflow_id=workflow.id,
        workflow=workflow.name,
        number=1,
        definition=checked.document,
        checksum=checked.checksum,
        created_at=now,
        created_by=caller.principal,
    )
    try:
        await services.workflows.create(caller.tenant, workflow, version)
    except Conflict as conflict:
        existing = await services.workflows.by_name(caller.tenant, checked.name)
        raise _taken(checked.name, existing) from conflict
    if planned:
        await define_triggers(services, caller, workflow, planned)
    return workflow


async def _require_free(services: Services, caller: Caller, name: str) -> None:
    existing = await services.workflows.by_name(caller.tenant, name)
    if existing is not None:
        raise _taken(name, existing)


def _taken(name: str, existing: StoredWorkflow | None) -> AlreadyExists:
    return AlreadyExists(
        f"there is a workflow {name!r} already",
        path=("definition", "name"),
        existing_id=existing.workflow.id if existing else None,
    )
