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
from engine.domain.paths import compensation_of, frame_of
from engine.domain.status import ExecutionStatus, StepStatus


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
    if force or not work.x.compensable:
        work.emit(_terminal_event(work, ending))
        return
    work.emit(
        ExecutionStatusChanged(
            at=work.at,
            from_=work.x.state.status,
            to=ExecutionStatus.RUNNING,
            reason=reason if status is ExecutionStatus.CANCELLED else reason or "compensating",
            actor=actor,
            ending=status,
            failure=failure,
        )
    )


def note_compensation(work: Work, path: str) -> None:
    """A step came to its end while the execution ends: if it was a compensation that succeeded, its step was undone."""
    if work.x.plan.node(path).compensates and work.x.status_of(path) is StepStatus.SUCCEEDED:
        work.emit(StepCompensated(at=work.at, step_id=frame_of(path)))


def go_on_ending(work: Work) -> None:
    """Begins the compensation of the step that succeeded last, if none is under way; ends the execution where none is left."""
    state = work.x.state
    going_on = state.status in (ExecutionStatus.RUNNING, ExecutionStatus.WAITING) and not work.cut
    if state.ending is None or work.x.open or not going_on:
        return
    path = next(reversed(work.x.compensable), None)
    if path is None:
        work.emit(_terminal_event(work, state.ending))
        return
    node = work.x.plan.node(path).compensate
    assert node is not None
    begin(work, compensation_of(path), node)


def _terminal_event(work: Work, ending: Ending) -> DurableEvent:
    if ending.status is ExecutionStatus.CANCELLED:
        return ExecutionCancelled(at=work.at, reason=_told_with_failures(ending.reason, work.x), actor=ending.actor)
    assert ending.failure is not None
    failure = _with_failed_compensations(ending.failure, work.x)
    if ending.status is ExecutionStatus.TIMED_OUT:
        return ExecutionTimedOut(at=work.at, failure=failure)
    return ExecutionFailed(at=work.at, failure=failure)


def _with_failed_compensations(failure: Failure, x: Execution) -> Failure:
    """Names in `details` the steps that could not be undone."""
    failed = _not_undone(x)
    if not failed:
        return failure
    given = failure.details if failure.details is not None else {}
    details = given if isinstance(given, dict) else {"details": given}
    return replace(failure, details={**details, "compensation_failed": failed})


def _told_with_failures(reason: str | None, x: Execution) -> str | None:
    """A cancellation has no failure to carry them, but people must know."""
    failed = _not_undone(x)
    if not failed:
        return reason
    told = f"compensation failed for {', '.join(failed)}"
    return f"{reason}; {told}" if reason else told


def _not_undone(x: Execution) -> list[str]:
    """The steps whose compensation failed."""
    return [
        frame_of(path)
        for path, run in x.runs.items()
        if run.status is StepStatus.FAILED and (node := x.plan.find(path)) is not None and node.compensates
    ]
