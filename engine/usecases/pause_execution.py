"""Pause an execution: running steps end and are recorded, and nothing further starts."""

from engine.domain.execution.commands import Pause
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_text
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, view_of


async def pause_execution(
    services: Services, caller: Caller, execution_id: str, *, reason: str | None
) -> ExecutionView:
    """Raises `NotFound`, and `InvalidState` where it ended or is paused already."""
    caller.require_editor()
    require_text(reason, ("reason",))
    command = Pause(reason=reason, actor=caller.principal)
    return view_of(await services.journal.change(caller.tenant, execution_id, command))
