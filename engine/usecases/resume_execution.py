"""Resume a paused execution, with a new budget where the old one paused it."""

from engine.domain.errors import Unavailable
from engine.domain.execution import decide
from engine.domain.execution.commands import Admit, Resume
from engine.domain.failure import Budget
from engine.domain.status import ExecutionStatus
from engine.storage.port import Conflict, Write
from engine.storage.repositories.concurrency import holders_write
from engine.storage.repositories.head import Stored
from engine.storage.repositories.idempotency import use
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_budget, require_text
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, view_of

_VERB = "resumeOnce"
_TRIES = 50


async def resume_execution(
    services: Services, caller: Caller, execution_id: str, *, reason: str | None, budget: Budget | None
) -> ExecutionView:
    """Raises `NotFound`, and `InvalidState` where it is not paused."""
    caller.require_editor()
    require_text(reason, ("reason",))
    require_budget(budget)
    command = Resume(reason=reason, actor=caller.principal, budget=budget)
    return view_of(await _resumed(services, caller, execution_id, command, []))


async def resume_once(services: Services, caller: Caller, execution_id: str, command: Resume, *, key: str) -> None:
    """The same under a key, however often it is asked for."""
    if await services.idempotency.find(caller.tenant, _VERB, key, execution_id) is not None:
        return
    expire_at = services.clock() + services.limits.idempotency_window
    write = use(caller.tenant, _VERB, key, request=execution_id, result_id=execution_id, expire_at=expire_at)
    await _resumed(services, caller, execution_id, command, [write])


async def _resumed(
    services: Services, caller: Caller, execution_id: str, command: Resume, writes: list[Write]
) -> Stored:
    """One that was passed over while it was paused takes its concurrency key in the same commit, or gets in line for it."""
    for _ in range(_TRIES):
        stored = await services.journal.load(caller.tenant, execution_id)
        at = services.clock()
        decision = decide(stored.execution, command, at)
        events, after, more = list(decision.events), decision.execution, list(writes)
        state = after.state
        if state.concurrency_key is not None and not state.admitted and state.status is ExecutionStatus.QUEUED:
            holders = await services.concurrency.holders(caller.tenant, state.concurrency_key)
            concurrency = after.plan.workflow.concurrency
            room = concurrency is None or len(holders.ids) < concurrency.limit
            more.append(holders_write(holders, (*holders.ids, execution_id) if room else holders.ids))
            if room:
                admitted = decide(after, Admit(), at)
                events, after = [*events, *admitted.events], admitted.execution
        try:
            return await services.journal.record(stored, events, after, at, lease=stored.lease, writes=more)
        except Conflict:
            services.journal.forget(caller.tenant, execution_id)
    raise Unavailable(f"execution {execution_id} is being changed too fast by others")
