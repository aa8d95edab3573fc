"""Read executions: by id, in lists, counted; their plan and their progress."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from engine.domain.edits import apply_edits
from engine.domain.plan import Plan, compile_plan
from engine.domain.status import ExecutionStatus, StepStatus
from engine.storage.repositories.execution_queries import ExecutionQuery
from engine.storage.repositories.payloads import is_reference
from engine.usecases.caller import Caller
from engine.usecases.paging import Cursors, Page, PageRequest, check_first, decode_cursor
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView

_SCOPE = "executions"


class ExecutionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """All given conditions hold. `workflow` is a name; times are exclusive."""

    workflow: str | None = None
    status: tuple[ExecutionStatus, ...] | None = None
    label: tuple[str, str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    trigger_id: str | None = None
    batch_id: str | None = None
    parent_id: str | None = None

    @property
    def names_nothing(self) -> bool:
        return self == ExecutionFilter()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Top-level steps; `percent` (0..100) counts the finished share of maps and loops that are under way."""

    total: int
    done: int
    failed: int
    running: int
    waiting: int
    percent: float


async def executions_by_id(services: Services, caller: Caller, ids: Sequence[str]) -> Sequence[ExecutionView | None]:
    return await services.executions.views(caller.tenant, ids)


async def list_executions(
    services: Services, caller: Caller, asked: ExecutionFilter, *, descending: bool, page: PageRequest
) -> Page[ExecutionView]:
    """Raises `BadRequest` for a page size or a cursor that is not acceptable."""
    first = check_first(page.first)
    after = decode_cursor(_SCOPE, page.after, (datetime, str)) if page.after is not None else None
    query = await query_of(services, caller, asked)
    if query is None:
        return Page(items=[], cursors=[], has_next=False, has_previous=False)
    heads = await services.queries.page(
        caller.tenant,
        query,
        descending=descending,
        start_after=(after[0], after[1]) if after else None,
        limit=first + 1,
    )
    views = heads[:first]
    return Page(
        items=views,
        cursors=Cursors(_SCOPE, views, lambda view: (view.state.created_at, view.state.id)),
        has_next=len(heads) > first,
        has_previous=after is not None,
    )


async def count_executions(services: Services, caller: Caller, asked: ExecutionFilter) -> int:
    query = await query_of(services, caller, asked)
    return await services.queries.count(caller.tenant, query) if query else 0


async def query_of(services: Services, caller: Caller, asked: ExecutionFilter) -> ExecutionQuery | None:
    """None where nothing can match: an unknown workflow, an empty list of statuses, an empty span of time."""
    workflow_id = None
    if asked.workflow is not None:
        stored = await services.workflows.by_name(caller.tenant, asked.workflow)
        if stored is None:
            return None
        workflow_id = stored.workflow.id
    if asked.status is not None and not asked.status:
        return None
    return ExecutionQuery(
        workflow_id=workflow_id,
        statuses=asked.status,
        label="=".join(asked.label) if asked.label else None,
        created_after=asked.created_after,
        created_before=asked.created_before,
        trigger_id=asked.trigger_id,
        batch_id=asked.batch_id,
        parent_id=asked.parent_id,
    )


async def execution_plan(services: Services, caller: Caller, view: ExecutionView) -> Plan:
    """The plan as it stands, live edits included."""
    state = view.state
    plan = await services.plans.get(caller.tenant, state.workflow_id, state.version)
    return compile_plan(apply_edits(plan.definition, state.edits), plan.kinds) if state.edits else plan


async def state_value(services: Services, caller: Caller, view: ExecutionView, value: Any) -> Any:
    """`view.state.input` or `.output` in full, wherever it is kept."""
    return await services.executions.value(caller.tenant, view.state.id, value)


def stored_size(value: Any) -> int:
    """The bytes of JSON that `state_value` reads from the store for this one; 0 where it is at hand."""
    return int(value["size"]) if is_reference(value) else 0


def progress(view: ExecutionView, plan: Plan) -> Progress:
    runs = [view.runs[step_id] for step_id in plan.steps.nodes if step_id in view.runs]
    total = len(plan.steps.nodes)
    done = sum(run.status.done for run in runs)
    parts = sum(run.fan.done / run.fan.total for run in runs if run.fan and run.fan.total and not run.status.done)
    return Progress(
        total=total,
        done=done,
        failed=sum(run.status is StepStatus.FAILED for run in runs),
        running=sum(run.status in (StepStatus.RUNNING, StepStatus.RETRYING) for run in runs),
        waiting=sum(run.status is StepStatus.WAITING for run in runs),
        percent=round(100 * (done + parts) / total, 2) if total else 100.0,
    )
