"""Read step runs: the top-level ones of the plan in its order, and the nested ones in order of beginning."""

import re
from collections.abc import Sequence

import msgspec

from engine.domain.errors import BadRequest
from engine.domain.events import DurableEvent, Entry
from engine.domain.execution import Run
from engine.domain.status import StepStatus
from engine.usecases.caller import Caller
from engine.usecases.paging import Cursors, Page, PageRequest, check_first, decode_cursor
from engine.usecases.read_executions import execution_plan
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, StepRunView, shown

_SCOPE = "steps"
_INDEX = re.compile(r"\[\d+\]")


class StepRunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """`parent` is a step id: its nested runs, at any depth. Without it the top-level steps and all nested ones are listed."""

    status: tuple[StepStatus, ...] | None = None
    kind: tuple[str, ...] | None = None
    parent: str | None = None

    def admits(self, step: StepRunView) -> bool:
        return (
            (self.status is None or step.run.status in self.status)
            and (self.kind is None or step.run.kind in self.kind)
            and (self.parent is None or step.step_id.startswith((f"{self.parent}.", f"{self.parent}[")))
        )


async def step_run(services: Services, caller: Caller, view: ExecutionView, path: str) -> StepRunView | None:
    """None for a path that names no step of the plan and no run."""
    plan = await execution_plan(services, caller, view)
    if path in plan.steps.nodes:
        return shown(view, path, view.runs.get(path), plan.steps.nodes[path].kind.name)
    if "." not in path or not view.state.nested:
        return None
    run = (await services.executions.nested_runs(caller.tenant, view.state.id)).get(path)
    return shown(view, path, run, run.kind) if run else None


async def list_step_runs(
    services: Services, caller: Caller, view: ExecutionView, asked: StepRunFilter, page: PageRequest
) -> Page[StepRunView]:
    """Raises `BadRequest` for a page size or a cursor that is not acceptable."""
    first = check_first(page.first)
    steps = await _steps(services, caller, view)
    start = 0
    if page.after is not None:
        (last,) = decode_cursor(_SCOPE, page.after, (str,))
        start = _place(steps, last) + 1
    found = [step for step in steps[start:] if asked.admits(step)]
    items = found[:first]
    return Page(
        items=items,
        cursors=Cursors(_SCOPE, items, lambda step: (step.step_id,)),
        has_next=len(found) > first,
        has_previous=start > 0,
    )


async def count_step_runs(services: Services, caller: Caller, view: ExecutionView, asked: StepRunFilter) -> int:
    return sum(asked.admits(step) for step in await _steps(services, caller, view))


async def _steps(services: Services, caller: Caller, view: ExecutionView) -> list[StepRunView]:
    """In order of definition; nested runs behind the step that they belong to, in order of beginning."""
    plan = await execution_plan(services, caller, view)
    nested: dict[str, list[tuple[str, Run]]] = {}
    if view.state.nested:
        for path, run in (await services.executions.nested_runs(caller.tenant, view.state.id)).items():
            nested.setdefault(_INDEX.sub("", path).partition(".")[0], []).append((path, run))
    steps: list[StepRunView] = []
    for step_id, node in plan.steps.nodes.items():
        steps.append(shown(view, step_id, view.runs.get(step_id), node.kind.name))
        steps.extend(shown(view, path, run, run.kind) for path, run in nested.get(step_id, ()))
    return steps


def _place(steps: Sequence[StepRunView], step_id: str) -> int:
    for index, step in enumerate(steps):
        if step.step_id == step_id:
            return index
    raise BadRequest(f"the cursor names the step {step_id[:80]!r}, which is not in this execution", path=("after",))


async def payloads(services: Services, caller: Caller, keys: Sequence[tuple[str, int]]) -> list[DurableEvent | None]:
    """The events at (execution id, seq), payloads in place: where inputs and outputs of step runs are. Reads each log once."""
    wanted: dict[str, list[int]] = {}
    for execution_id, seq in keys:
        wanted.setdefault(execution_id, []).append(seq)
    found: dict[tuple[str, int], Entry] = {}
    for execution_id, seqs in wanted.items():
        for entry in await services.executions.entries_at(caller.tenant, execution_id, sorted(set(seqs))):
            assert entry.seq is not None
            found[execution_id, entry.seq] = entry
    entries = [found.get(key) for key in keys]
    return [entry.event if entry else None for entry in entries]  # type: ignore[misc]  # durable: they have a seq
