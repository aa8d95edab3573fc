"""Retry a failed, cancelled or timed-out execution: a new one that keeps what the old one recorded."""

from engine.domain.errors import InvalidState, NotFound
from engine.domain.ids import EXECUTION
from engine.domain.status import ExecutionStatus
from engine.usecases.caller import Caller
from engine.usecases.kept_runs import kept_events, with_descendants
from engine.usecases.services import Services
from engine.usecases.start_execution import Origin, StartExecution, create, prepare
from engine.usecases.views import ExecutionView, view_of

_RETRIABLE = (ExecutionStatus.FAILED, ExecutionStatus.CANCELLED, ExecutionStatus.TIMED_OUT)


async def retry_execution(
    services: Services, caller: Caller, execution_id: str, *, from_step: str | None
) -> ExecutionView:
    """With `from_step`, that step and all that come after it run again as well.

    Raises `NotFound`, and `InvalidState` where the execution has not failed, been cancelled or timed out.
    """
    caller.require_editor()
    return await retry_as(services, caller, execution_id, services.mint(EXECUTION), from_step=from_step)


async def retry_as(
    services: Services,
    caller: Caller,
    execution_id: str,
    new_id: str,
    *,
    from_step: str | None,
    batch_id: str | None = None,
) -> ExecutionView:
    """Raises `Conflict` if `new_id` exists already."""
    old = (await services.journal.load(caller.tenant, execution_id)).execution
    if old.state.status not in _RETRIABLE:
        message = (
            f"execution {execution_id} is {old.state.status}; only a failed, cancelled or timed-out one is retried"
        )
        raise InvalidState(message, path=("id",))
    if from_step is not None and from_step not in old.plan.steps.nodes:
        raise NotFound(f"execution {execution_id} has no top-level step {from_step[:80]!r}", path=("fromStep",))
    without = with_descendants(old.plan, from_step) if from_step is not None else frozenset[str]()
    state = old.state
    request = StartExecution(
        workflow=state.workflow,
        version=state.version,
        input=state.input,
        lane=state.lane,
        priority=state.priority,
        labels=state.labels,
        budget=state.budget,
    )
    kept = kept_events(old, services.clock(), without=without)
    origin = Origin(
        workflow_id=state.workflow_id,
        forked_from=execution_id,
        batch_id=batch_id,
        depth=state.depth,
        trace=state.trace,
        edits=state.edits,
        kept=kept,
    )
    prepared = await prepare(services, caller, request, origin)
    return view_of(await create(services, caller, new_id, prepared, []))
