"""Fork an execution: a new one that keeps the recorded results before a chosen step."""

from typing import Any

from engine.domain.errors import NotFound
from engine.domain.ids import EXECUTION
from engine.storage.port import Conflict
from engine.storage.repositories.idempotency import path_of, use
from engine.usecases.caller import Caller
from engine.usecases.inputs import require_json, require_key
from engine.usecases.kept_runs import kept_events, with_descendants
from engine.usecases.services import Services
from engine.usecases.start_execution import Origin, StartExecution, create, prepare
from engine.usecases.views import ExecutionView, view_of

_VERB = "forkExecution"


async def fork_execution(
    services: Services,
    caller: Caller,
    execution_id: str,
    *,
    from_step: str,
    input: Any,  # noqa: A002  # the name in the API
    input_given: bool,
    idempotency_key: str | None,
) -> ExecutionView:
    """Any execution may be forked, running ones as well: the old one goes on. With `input_given`, `input` replaces the old input.

    Raises `NotFound`, `ValidationFailed`, `IdempotencyMismatch`.
    """
    caller.require_editor()
    require_key(idempotency_key)
    require_json(input, ("input",))
    request = [execution_id, from_step, input if input_given else None, input_given]
    if idempotency_key is not None:
        known = await services.idempotency.find(caller.tenant, _VERB, idempotency_key, request)
        if known is not None:
            return view_of(await services.journal.load(caller.tenant, known))
    old = (await services.journal.load(caller.tenant, execution_id)).execution
    if from_step not in old.plan.steps.nodes:
        raise NotFound(f"execution {execution_id} has no top-level step {from_step[:80]!r}", path=("fromStep",))
    state = old.state
    start = StartExecution(
        workflow=state.workflow,
        version=state.version,
        input=input if input_given else state.input,
        lane=state.lane,
        priority=state.priority,
        labels=state.labels,
        budget=state.budget,
    )
    without = with_descendants(old.plan, from_step)
    origin = Origin(
        workflow_id=state.workflow_id,
        forked_from=execution_id,
        depth=state.depth,
        trace=state.trace,
        edits=state.edits,
        kept=kept_events(old, services.clock(), without=without),
    )
    prepared = await prepare(services, caller, start, origin)
    new_id = services.mint(EXECUTION)
    if idempotency_key is None:
        return view_of(await create(services, caller, new_id, prepared, []))
    expire_at = services.clock() + services.limits.idempotency_window
    try:
        write = use(caller.tenant, _VERB, idempotency_key, request=request, result_id=new_id, expire_at=expire_at)
        return view_of(await create(services, caller, new_id, prepared, [write]))
    except Conflict as conflict:
        if conflict.document != path_of(caller.tenant, _VERB, idempotency_key):
            raise
        first = await services.idempotency.find(caller.tenant, _VERB, idempotency_key, request)
        assert first is not None
        return view_of(await services.journal.load(caller.tenant, first))
