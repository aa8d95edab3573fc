"""Find a workflow to change it, and save it on the condition that nobody else did meanwhile."""

from collections.abc import Callable

from engine.domain.errors import NotFound, RevisionConflict
from engine.domain.workflow import Workflow, WorkflowVersion
from engine.storage.port import Conflict
from engine.storage.repositories.workflows import StoredWorkflow
from engine.usecases.caller import Caller
from engine.usecases.services import Services

_TRIES = 20
Change = Callable[[StoredWorkflow], tuple[Workflow, WorkflowVersion | None] | None]
"""Gives what is to be saved, or None where nothing changes. May raise."""


async def find_workflow(services: Services, caller: Caller, name: str) -> StoredWorkflow:
    """Raises `NotFound`."""
    stored = await services.workflows.by_name(caller.tenant, name)
    if stored is None:
        raise NotFound(f"there is no workflow {name[:80]!r}", path=("name",))
    return stored


async def change_workflow(services: Services, caller: Caller, name: str, change: Change) -> Workflow:
    """Asks `change` again whenever somebody else was quicker."""
    for _ in range(_TRIES):
        stored = await find_workflow(services, caller, name)
        changed = change(stored)
        if changed is None:
            return stored.workflow
        try:
            await services.workflows.save(caller.tenant, stored, *changed)
        except Conflict:
            continue
        return changed[0]
    raise RevisionConflict(f"workflow {name!r} is being changed by others", path=("name",))
