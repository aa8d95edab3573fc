"""Resume a paused execution, with a new budget where the old one paused it."""

from engine.domain.execution.commands import Resume
from engine.domain.failure import Budget
from engine.usecases.admission import release
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_budget, require_text
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, view_of


async def resume_execution(
    services: Services, caller: Caller, execution_id: str, *, reason: str | None, budget: Budget | None
) -> ExecutionView:
    """Raises `NotFound`, and `InvalidState` where it is not paused."""
    caller.require_editor()
    require_text(reason, ("reason",))
    require_budget(budget)
    command = Resume(reason=reason, actor=caller.principal, budget=budget)
    stored = await services.journal.change(caller.tenant, execution_id, command)
    if stored.state.concurrency_key is not None and not stored.state.admitted:
        # It was passed over while it was paused, if its key became free then.
        await release(services, caller.tenant, "", stored.state.concurrency_key)
    return view_of(stored)
