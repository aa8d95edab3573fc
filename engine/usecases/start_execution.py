"""Start an execution of a workflow."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from engine.domain.definition import Concurrency
from engine.domain.errors import InvalidState, LimitExceeded, NotFound, Problem, Unavailable, ValidationFailed
from engine.domain.events import DurableEvent, ExecutionQueued
from engine.domain.expressions import ExpressionFailed, Scope, render
from engine.domain.failure import Budget
from engine.domain.ids import EXECUTION
from engine.domain.plan import Plan
from engine.domain.schemas import validate, with_defaults
from engine.domain.status import WorkflowStatus
from engine.domain.workflow import Workflow
from engine.storage.port import Conflict, Write
from engine.storage.repositories.concurrency import key_of
from engine.storage.repositories.head import Stored, execution_path
from engine.storage.repositories.idempotency import path_of, use
from engine.usecases.admission import Admission, admit
from engine.usecases.caller import Caller
from engine.usecases.inputs import (
    checked_labels,
    require_budget,
    require_json,
    require_key,
    require_lane,
    require_priority,
    require_size,
)
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, view_of

_VERB = "startExecution"
_TRIES = 50


class StartExecution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`input` is any JSON object; None in the others takes what the workflow says. `deadline` is UTC."""

    workflow: str
    version: int | None = None
    input: Any = msgspec.field(default_factory=dict)
    idempotency_key: str | None = None
    lane: str | None = None
    priority: int | None = None
    labels: Any = None
    delay: timedelta | None = None
    deadline: datetime | None = None
    budget: Budget | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an execution comes from, if not from a caller alone."""

    workflow_id: str | None = None
    """The workflow itself, where its name may belong to another by now."""
    parent_id: str | None = None
    parent_step: str | None = None
    on_parent_close: str = "cancel"
    forked_from: str | None = None
    batch_id: str | None = None
    trigger_id: str | None = None
    depth: int = 0
    trace: dict[str, str] = {}
    edits: tuple[dict[str, Any], ...] = ()
    kept: tuple[DurableEvent, ...] = ()


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A request that passed every check: the first event, and what decides about its admission."""

    queued: ExecutionQueued
    kept: tuple[DurableEvent, ...]
    concurrency: Concurrency | None


async def start_execution(services: Services, caller: Caller, request: StartExecution) -> ExecutionView:
    """Durable when it returns. The same idempotency key and request again gives the first execution.

    Raises `NotFound`, `InvalidState`, `ValidationFailed`, `PayloadTooLarge`, `LimitExceeded`, `IdempotencyMismatch`.
    """
    caller.require_editor()
    key = request.idempotency_key
    require_key(key)
    if key is not None:  # then the request is hashed before anything looks at it
        require_json(request.input, ("input",))
        require_json(request.labels, ("labels",))
    for _ in range(_TRIES):
        if key is not None:
            known = await services.idempotency.find(caller.tenant, _VERB, key, request)
            if known is not None:
                return view_of(await services.journal.load(caller.tenant, known))
        prepared = await prepare(services, caller, request)
        execution_id = services.mint(EXECUTION)
        window = services.clock() + services.limits.idempotency_window
        writes = (
            [use(caller.tenant, _VERB, key, request=request, result_id=execution_id, expire_at=window)]
            if key is not None
            else []
        )
        try:
            return view_of(await create(services, caller, execution_id, prepared, writes))
        except Conflict as conflict:
            if key is None or conflict.document != path_of(caller.tenant, _VERB, key):
                raise
    raise AssertionError("a used idempotency key is found at the next try")


async def prepare(
    services: Services, caller: Caller, request: StartExecution, origin: Origin | None = None
) -> Prepared:
    """Checks a request against its workflow; writes nothing."""
    origin = origin or Origin()
    workflow, number = await _version_to_run(services, caller, request, origin)
    plan = await services.plans.get(caller.tenant, workflow.id, number)
    definition = plan.workflow
    now = services.clock()
    given = _checked_input(services, request.input, plan)
    labels = _labels(workflow, plan, request, origin)
    require_lane(request.lane)
    require_priority(request.priority)
    require_budget(request.budget)
    if request.deadline is not None and request.deadline <= now:
        raise ValidationFailed([Problem(message="the deadline is in the past", path=("deadline",))])
    budget = request.budget
    if budget is None and definition.budget is not None:
        budget = Budget(**definition.budget.model_dump())
    queued = ExecutionQueued(
        at=now,
        lane=request.lane or definition.lane,
        workflow_id=workflow.id,
        workflow=workflow.name,
        version=number,
        input=given,
        priority=definition.priority if request.priority is None else request.priority,
        labels=labels,
        not_before=now + request.delay if request.delay else None,
        deadline=request.deadline,
        budget=budget,
        actor=caller.principal,
        parent_id=origin.parent_id,
        parent_step=origin.parent_step,
        on_parent_close=origin.on_parent_close,
        forked_from=origin.forked_from,
        batch_id=origin.batch_id,
        trigger_id=origin.trigger_id,
        depth=origin.depth,
        trace=origin.trace,
        concurrency_key=_concurrency_key(plan, workflow, given, now),
        edits=origin.edits,
    )
    return Prepared(queued=queued, kept=origin.kept, concurrency=definition.concurrency)


async def create(
    services: Services, caller: Caller, execution_id: str, prepared: Prepared, writes: list[Write]
) -> Stored:
    """Commits the execution. Raises `Conflict` on its own head if it was created before, or on something in `writes`."""
    queued = prepared.queued
    if queued.concurrency_key is None or prepared.concurrency is None:
        return await services.journal.create(caller.tenant, execution_id, queued, prepared.kept, writes=writes)
    for _ in range(_TRIES):
        try:
            admission: Admission = await admit(
                services, caller, execution_id, queued.concurrency_key, prepared.concurrency
            )
        except LimitExceeded:
            # Where an earlier try created it, it holds the key itself, or held it.
            if await services.executions.view(caller.tenant, execution_id) is not None:
                raise Conflict(execution_path(caller.tenant, execution_id)) from None
            raise
        admitted = msgspec.structs.replace(queued, admitted=admission.admitted)
        try:
            return await services.journal.create(
                caller.tenant, execution_id, admitted, prepared.kept, writes=[*writes, admission.write]
            )
        except Conflict as conflict:
            if conflict.document != admission.write.path:
                raise
    raise Unavailable(f"the concurrency key of {execution_id} is being taken by too many others at once")


async def _version_to_run(
    services: Services, caller: Caller, request: StartExecution, origin: Origin
) -> tuple[Workflow, int]:
    if origin.workflow_id is not None:
        (stored,) = await services.workflows.by_id(caller.tenant, [origin.workflow_id])
    else:
        stored = await services.workflows.by_name(caller.tenant, request.workflow)
    if stored is None or stored.workflow.deleted:
        raise NotFound(f"there is no workflow {request.workflow[:80]!r}", path=("workflow",))
    workflow = stored.workflow
    if workflow.status is WorkflowStatus.ARCHIVED:
        raise InvalidState(f"workflow {workflow.name!r} is archived", path=("workflow",))
    number = request.version or workflow.active_version
    if request.version is not None and not 1 <= request.version <= workflow.latest_version:
        message = (
            f"workflow {workflow.name!r} has no version {request.version}; the latest is {workflow.latest_version}"
        )
        raise NotFound(message, path=("version",))
    if number is None:
        raise InvalidState(f"workflow {workflow.name!r} is a draft: activate it, or name a version", path=("workflow",))
    return workflow, number


def _labels(workflow: Workflow, plan: Plan, request: StartExecution, origin: Origin) -> dict[str, str]:
    """A repetition has the labels of the first execution, which may be more than one caller may give."""
    if origin.forked_from is not None:
        return dict(request.labels)
    return {**workflow.labels, **plan.workflow.labels, **checked_labels(request.labels)}


def _checked_input(services: Services, given: Any, plan: Plan) -> dict[str, Any]:
    require_json(given, ("input",))
    if not isinstance(given, dict):
        raise ValidationFailed([Problem(message="the input is a JSON object", path=("input",))])
    require_size(given, services.limits.input_bytes, ("input",))
    schema = plan.workflow.input
    if schema is None:
        return given
    filled: dict[str, Any] = with_defaults(given, schema)
    problems = validate(filled, schema, path=("input",))
    if problems:
        raise ValidationFailed(problems)
    return filled


def _concurrency_key(plan: Plan, workflow: Workflow, given: dict[str, Any], now: datetime) -> str | None:
    concurrency = plan.workflow.concurrency
    if concurrency is None:
        return None
    try:
        key = render(concurrency.key, Scope({"input": given, "execution": {"workflow": workflow.name}}, now=now))
    except ExpressionFailed as error:
        message = f"concurrency.key cannot be evaluated: {error.message}"
        raise ValidationFailed([Problem(message=message, path=("input",))]) from error
    return key_of(workflow.id, msgspec.json.encode(key).decode())
