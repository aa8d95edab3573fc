"""Create a workflow from a definition."""

from typing import Any

from engine.domain.errors import AlreadyExists
from engine.domain.ids import WORKFLOW
from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.storage.port import Conflict
from engine.usecases.caller import Caller
from engine.usecases.checked_definition import check_definition
from engine.usecases.inputs import checked_labels
from engine.usecases.services import Services


async def create_workflow(
    services: Services, caller: Caller, definition: Any, *, activate: bool, labels: Any
) -> Workflow:
    """`definition` is a JSON object or a string of YAML; `labels` are added to its own.

    Raises `ValidationFailed`, `AlreadyExists`, `PayloadTooLarge`.
    """
    caller.require_editor()
    given = checked_labels(labels)
    checked = check_definition(services, definition)
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
        raise AlreadyExists(
            f"there is a workflow {checked.name!r} already",
            path=("definition", "name"),
            existing_id=existing.workflow.id if existing else None,
        ) from conflict
    return workflow
