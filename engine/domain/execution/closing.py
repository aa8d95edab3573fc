"""How an execution ends other than by success: open steps are cancelled, what was done is undone, and then comes the last event."""

from msgspec.structs import replace

from engine.domain.events import (
    DurableEvent,
    ExecutionCancelled,
    ExecutionFailed,
    ExecutionStatusChanged,
    ExecutionTimedOut,
    StepCompensated,
)
from engine.domain.execution.begin import begin
from engine.domain.execution.outcomes import cancel
from engine.domain.execution.state import Ending, Execution
from engine.domain.execution.work import Work
from engine.domain.failure import Failure
from engine.domain.paths import compensation_of, frame_of, last
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus


def begin_ending(
    work: Work,
    status: ExecutionStatus,
    *,
    failure: Failure | None = None,
    reason: str | None = None,
    actor: str | None = None,
    force: bool = False,
) -> None:
    """Cancels what is open. Compensation is started by whoever drives the execution; without any, this is the end."""
    for path in list(work.x.open):
        cancel(work, path, reason or f"the execution is {status.value.lower()}")
    ending = Ending(status=status, failure=failure, reason=reason, actor=actor)
    if force or next_to_compensate(work.x) is None:
        work.emit(_terminal_event(work, ending))
        return
    work.emit(
        ExecutionStatusChanged(
            at=work.at,
            from_=work.x.state.status,
            to=ExecutionStatus.RUNNING,
            reason=reason or "compensating",
            actor=actor,
            ending=status,
            failure=failure,
        )
    )


def go_on_ending(work: Work, path: str) -> None:
    """A step came to its end while the execution ends: if it was a compensation, that is told, and the next is begun."""
    compensated = frame_of(path)
    if last(path) == "compensate" and work.x.status_of(path) is StepStatus.SUCCEEDED:
        work.emit(StepCompensated(at=work.at, step_id=compensated))
    compensate(work)


def compensate(work: Work) -> None:
    """Begins the next compensation if none is open; ends the execution where none is left."""
    state = work.x.state
    if state.terminal or state.ending is None or work.x.open:
        return
    path = next_to_compensate(work.x)
    if path is None:
        work.emit(_terminal_event(work, state.ending))
        return
    node = work.x.plan.node(path).compensate
    assert node is not None
    begin(work, compensation_of(path), node)


def next_to_compensate(x: Execution) -> str | None:
    """The step that succeeded last among those that can be undone and were not tried yet."""
    latest, found = -1, None
    for path, run in x.runs.items():
        if run.status is not StepStatus.SUCCEEDED or run.watched or (run.ended_seq or 0) <= latest:
            continue
        node = x.plan.find(path)
        if node is not None and node.compensate is not None and compensation_of(path) not in x.runs:
            latest, found = run.ended_seq or 0, path
    return found


def _terminal_event(work: Work, ending: Ending) -> DurableEvent:
    if ending.status is ExecutionStatus.CANCELLED:
        return ExecutionCancelled(at=work.at, reason=ending.reason, actor=ending.actor)
    failure = ending.failure or Failure(kind=FailureKind.TASK, code="failed", message="the execution failed")
    undone = [path for path, run in work.x.runs.items() if last(path) == "compensate" and _failed(run.status)]
    if undone:
        details = failure.details if isinstance(failure.details, dict) else {"details": failure.details}
        failure = replace(failure, details={**details, "compensation_failed": [frame_of(path) for path in undone]})
    if ending.status is ExecutionStatus.TIMED_OUT:
        return ExecutionTimedOut(at=work.at, failure=failure)
    return ExecutionFailed(at=work.at, failure=failure)


def _failed(status: StepStatus) -> bool:
    return status is StepStatus.FAILED
