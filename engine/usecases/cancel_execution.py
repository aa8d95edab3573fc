"""Cancel an execution: what is open is cancelled, what was done is compensated, unless it is forced."""

from engine.domain.execution.commands import Cancel
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_text
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, view_of


async def cancel_execution(
    services: Services, caller: Caller, execution_id: str, *, reason: str | None, force: bool
) -> ExecutionView:
    """Raises `NotFound`, and `InvalidState` where it ended already."""
    caller.require_editor()
    require_text(reason, ("reason",))
    command = Cancel(reason=reason, actor=caller.principal, force=force)
    return view_of(await services.journal.change(caller.tenant, execution_id, command))
