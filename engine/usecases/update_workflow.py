"""Save a new version of a workflow. The same definition again makes no new version."""

from typing import Any

from msgspec.structs import replace

from engine.domain.errors import InvalidState, NotFound, Problem, RevisionConflict, ValidationFailed
from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.storage.repositories.workflows import StoredWorkflow
from engine.usecases.caller import Caller
from engine.usecases.changed_workflow import change_workflow, find_workflow
from engine.usecases.checked_definition import CheckedDefinition, check_definition
from engine.usecases.inputs import checked_labels
from engine.usecases.services import Services
from engine.usecases.triggers.defining import define_triggers, plan_triggers


async def update_workflow(
    services: Services,
    caller: Caller,
    name: str,
    definition: Any,
    *,
    expected_version: int | None,
    activate: bool,
    labels: Any,
) -> Workflow:
    """`labels`, where given, replace those of the workflow. Its triggers become those of the definition where that is active.

    Raises `NotFound`, `ValidationFailed`, `InvalidState` where it is archived, and `RevisionConflict` where `expected_version`
    is not the latest version.
    """
    caller.require_editor()
    given = checked_labels(labels) if labels is not None else None
    checked = await check_definition(services, definition)
    if checked.name != name:
        message = f"the definition names the workflow {checked.name!r}, not {name[:80]!r}; a name cannot change"
        raise ValidationFailed([Problem(message=message, path=("definition", "name"))])
    stored = await find_workflow(services, caller, name)
    latest = await services.workflows.version(caller.tenant, stored.workflow.id, stored.workflow.latest_version)
    if latest is None:
        raise NotFound(f"workflow {name!r} has lost its version {stored.workflow.latest_version}", path=("name",))

    def change(current: StoredWorkflow) -> tuple[Workflow, WorkflowVersion | None] | None:
        workflow = current.workflow
        _require_expected(workflow, expected_version)
        if workflow.status is WorkflowStatus.ARCHIVED:
            raise InvalidState(f"workflow {name!r} is archived; activate a version first", path=("name",))
        same = latest.checksum == checked.checksum and latest.number == workflow.latest_version
        number = workflow.latest_version if same else workflow.latest_version + 1
        after = _updated(workflow, checked, number, activate=activate, labels=given)
        if after == workflow:
            return None
        after = replace(after, updated_at=services.clock())
        return after, None if same else _version(workflow, checked, number, after, caller)

    planned = await plan_triggers(services, caller, checked.document, stored.workflow.id) if activate else []
    workflow = await change_workflow(services, caller, name, change)
    if activate:
        await define_triggers(services, caller, workflow, planned)
    return workflow


def _require_expected(workflow: Workflow, expected: int | None) -> None:
    if expected is not None and expected != workflow.latest_version:
        message = f"workflow {workflow.name!r} is at version {workflow.latest_version}, not {expected}"
        raise RevisionConflict(message, path=("expectedVersion",), current=workflow.latest_version)


def _updated(
    workflow: Workflow, checked: CheckedDefinition, number: int, *, activate: bool, labels: dict[str, str] | None
) -> Workflow:
    active = number if activate else workflow.active_version
    base = workflow.labels if labels is None else labels
    return replace(
        workflow,
        latest_version=number,
        active_version=active,
        status=WorkflowStatus.ACTIVE if active else WorkflowStatus.DRAFT,
        title=checked.document.get("title"),
        description=checked.document.get("description"),
        labels={**base, **checked.document.get("labels", {})},
    )


def _version(
    workflow: Workflow, checked: CheckedDefinition, number: int, after: Workflow, caller: Caller
) -> WorkflowVersion:
    return WorkflowVersion(
        workflow_id=workflow.id,
        workflow=workflow.name,
        number=number,
        definition=checked.document,
        checksum=checked.checksum,
        created_at=after.updated_at,
        created_by=caller.principal,
    )
