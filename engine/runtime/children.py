"""Starts child executions for the `child` step kind."""

from typing import Any

from engine.domain.errors import InvalidState, LimitExceeded
from engine.domain.execution.commands import Cancel
from engine.domain.ids import EXECUTION, TenantId, derive
from engine.storage.port import Conflict
from engine.storage.repositories.head import execution_path
from engine.usecases.caller import Caller, Role
from engine.usecases.services import Services
from engine.usecases.start_execution import Origin, StartExecution, create, prepare
from engine.usecases.views import ExecutionView

MAX_DEPTH = 20
"""Ancestors that an execution may have: a workflow that starts itself comes to an end."""


class Children:
    """Satisfies `engine.executors.child.ChildStarter`. The child's id derives from its key, so it is started once."""

    def __init__(self) -> None:
        self._services: Services | None = None

    def bind(self, services: Services) -> None:
        """The kinds must exist before the services that are built on them."""
        self._services = services

    async def start(
        self,
        *,
        tenant: str,
        parent_id: str,
        parent_step: str,
        workflow: str,
        version: int | None,
        input: dict[str, Any],  # noqa: A002  # the word of the language
        on_parent_close: str,
        idempotency_key: str,
    ) -> str:
        services = self._services
        assert services is not None, "bind comes before start"
        caller = Caller(tenant=TenantId(tenant), principal=f"execution {parent_id}", role=Role.EDITOR)
        child_id = derive(EXECUTION, tenant, parent_id, idempotency_key)
        if await services.executions.view(tenant, child_id) is not None:
            return child_id
        parent = await _shallow(services, tenant, parent_id)
        request = StartExecution(workflow=workflow, version=version, input=input)
        origin = Origin(
            parent_id=parent_id,
            parent_step=parent_step,
            on_parent_close=on_parent_close,
            depth=parent.state.depth if parent else 0,
            trace=parent.state.trace if parent else {},
        )
        prepared = await prepare(services, caller, request, origin)
        try:
            await create(services, caller, child_id, prepared, [])
        except Conflict as conflict:
            if conflict.document != execution_path(tenant, child_id):
                raise
        await _follow_parent(services, tenant, parent_id, child_id, on_parent_close)
        return child_id


async def _shallow(services: Services, tenant: str, parent_id: str) -> ExecutionView | None:
    """The parent, if it is still there. Raises `LimitExceeded` where it has too many ancestors."""
    parent: ExecutionView | None = None
    ancestor: str | None = parent_id
    for depth in range(MAX_DEPTH):
        view = await services.executions.view(tenant, ancestor) if ancestor else None
        parent = view if depth == 0 else parent
        if view is None:
            return parent
        ancestor = view.state.parent_id
    raise LimitExceeded(f"an execution has at most {MAX_DEPTH} ancestors")


async def _follow_parent(services: Services, tenant: str, parent_id: str, child_id: str, on_parent_close: str) -> None:
    """A parent that ended while its child was being created has closed its children already, this one excepted."""
    parent = await services.executions.view(tenant, parent_id)
    if on_parent_close == "cancel" and parent is not None and parent.state.terminal:
        try:
            await services.journal.change(tenant, child_id, Cancel(reason=f"its parent {parent_id} has ended"))
        except InvalidState:
            return  # it ended by itself
