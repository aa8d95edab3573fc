"""evolve(execution, event): what each event of the log means. The only place where an execution's state changes."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from engine.domain import events as e
from engine.domain.edits import apply_edits
from engine.domain.execution.evolve_runs import APPLY_TO_RUNS, Changes
from engine.domain.execution.state import Ending, Execution, SignalInBox, State
from engine.domain.execution.transitions import IllegalTransition, require_execution_may
from engine.domain.plan import Plan, compile_plan
from engine.domain.status import ExecutionStatus


def begin_log(event: e.ExecutionQueued, *, execution_id: str, tenant: str, plan: Plan) -> Execution:
    """The execution after the first event of its log."""
    if event.edits:
        plan = compile_plan(apply_edits(plan.definition, event.edits), plan.kinds)
    state = State(
        id=execution_id,
        tenant=tenant,
        workflow_id=event.workflow_id,
        workflow=event.workflow,
        version=event.version,
        status=ExecutionStatus.QUEUED,
        lane=event.lane,
        created_at=event.at,
        seq=1,
        priority=event.priority,
        labels=event.labels,
        actor=event.actor,
        input=event.input,
        budget=event.budget,
        not_before=event.not_before,
        deadline=event.deadline,
        parent_id=event.parent_id,
        parent_step=event.parent_step,
        on_parent_close=event.on_parent_close,
        forked_from=event.forked_from,
        trigger_id=event.trigger_id,
        trace=event.trace,
        depth=event.depth,
        batch_id=event.batch_id,
        concurrency_key=event.concurrency_key,
        admitted=event.admitted,
        edits=event.edits,
    )
    return Execution(state=state, plan=plan)


def evolve(execution: Execution, events: Iterable[e.DurableEvent]) -> Execution:
    """The execution after these events. Leaves the given one as it is. Raises `IllegalTransition`."""
    after = execution.copy()
    for event in events:
        apply(after, event)
    return after


def apply(x: Execution, event: e.DurableEvent) -> None:
    """Changes `x`, which must be the caller's own copy. What happens to a step is in `evolve_runs`."""
    if x.state.terminal:
        raise IllegalTransition(f"{x.state.id} is {x.state.status}: {type(event).__name__} comes after the last event")
    seq = x.state.seq + 1
    changes = _APPLY[type(event)](x, event, seq)
    x.state = replace(x.state, seq=seq, **changes)


def _moved(x: Execution, to: ExecutionStatus, **changes: Any) -> Changes:
    require_execution_may(x.state.status, to)
    return {"status": to, **changes}


def _queued(x: Execution, event: e.ExecutionQueued, seq: int) -> Changes:
    raise IllegalTransition(f"{x.state.id}: ExecutionQueued is the first event of a log, not number {seq}")


def _admitted(x: Execution, event: e.ExecutionAdmitted, seq: int) -> Changes:
    return {"admitted": True}


def _started(x: Execution, event: e.ExecutionStarted, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.RUNNING, started_at=event.at, deadline=_deadline(x, event.at))


def _deadline(x: Execution, started_at: datetime) -> datetime | None:
    timeout = x.plan.workflow.timeout
    given = x.state.deadline
    if timeout is None:
        return given
    return min(given, started_at + timeout) if given else started_at + timeout


def _status_changed(x: Execution, event: e.ExecutionStatusChanged, seq: int) -> Changes:
    changes: Changes = {}
    if event.ending is not None:
        changes["ending"] = Ending(status=event.ending, failure=event.failure, reason=event.reason, actor=event.actor)
    if event.budget is not None:
        changes["budget"] = event.budget
    return _moved(x, event.to, **changes)


def _edited(x: Execution, event: e.ExecutionEdited, seq: int) -> Changes:
    x.plan = compile_plan(apply_edits(x.plan.definition, event.edits), x.plan.kinds)
    return {"revision": event.revision, "edits": (*x.state.edits, *event.edits)}


def _succeeded(x: Execution, event: e.ExecutionSucceeded, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.SUCCEEDED, output=event.output, finished_at=event.at)


def _failed(x: Execution, event: e.ExecutionFailed, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.FAILED, failure=event.failure, finished_at=event.at)


def _timed_out(x: Execution, event: e.ExecutionTimedOut, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.TIMED_OUT, failure=event.failure, finished_at=event.at)


def _cancelled(x: Execution, event: e.ExecutionCancelled, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.CANCELLED, finished_at=event.at)


def _signal_received(x: Execution, event: e.SignalReceived, seq: int) -> Changes:
    x.payloads[seq] = event.payload
    return {"signals": (*x.state.signals, SignalInBox(event.name, seq))}


_APPLY: dict[type, Callable[[Execution, Any, int], Changes]] = {
    e.ExecutionQueued: _queued,
    e.ExecutionAdmitted: _admitted,
    e.ExecutionStarted: _started,
    e.ExecutionStatusChanged: _status_changed,
    e.ExecutionEdited: _edited,
    e.ExecutionSucceeded: _succeeded,
    e.ExecutionFailed: _failed,
    e.ExecutionTimedOut: _timed_out,
    e.ExecutionCancelled: _cancelled,
    e.SignalReceived: _signal_received,
    **APPLY_TO_RUNS,
}
