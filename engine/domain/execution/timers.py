"""What becomes due without anybody asking: retries, timeouts, the end of a sleep, the deadline."""

from collections.abc import Iterator
from datetime import datetime

from engine.domain.execution.begin import begin
from engine.domain.execution.closing import begin_ending
from engine.domain.execution.outcomes import overdue, time_out
from engine.domain.execution.state import Execution, Run
from engine.domain.execution.work import Work
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus

_UNDER_WAY = (ExecutionStatus.RUNNING, ExecutionStatus.WAITING)


def next_due(x: Execution) -> datetime | None:
    """The earliest moment at which an `Advance` has something to do; None if time alone changes nothing."""
    return min((moment for moment in _moments(x) if moment is not None), default=None)


def _moments(x: Execution) -> Iterator[datetime | None]:
    state = x.state
    if state.terminal:
        return
    if state.ending is None:
        yield state.deadline
    if state.status is ExecutionStatus.QUEUED and state.admitted:
        yield state.not_before
    if state.status in _UNDER_WAY:
        for path in x.open:
            yield from _moments_of(x.runs[path])


def _moments_of(run: Run) -> Iterator[datetime | None]:
    if run.status is StepStatus.RETRYING:
        yield run.not_before
    elif run.status is StepStatus.PENDING:
        yield run.started_at  # it was answered, and begins again at once
    else:
        yield run.until
        for wait in run.waits:
            yield wait.until


def end_if_overdue(work: Work) -> bool:
    """Whether the execution had to end by now, but for what compensates it."""
    state = work.x.state
    if state.ending is not None or state.deadline is None or state.deadline > work.at:
        return False
    message = f"not done by {state.deadline.isoformat()}"
    failure = Failure(kind=FailureKind.TIMEOUT, code="execution_timeout", message=message, retryable=False)
    begin_ending(work, ExecutionStatus.TIMED_OUT, failure=failure, reason="timed out")
    return True


def time_out_late(work: Work) -> None:
    """Ends what is over its time: attempts, and waits. Timers wait while the execution is paused."""
    if not _under_way(work):
        return
    for path in list(work.x.open):
        if path in work.x.open:
            _time_out(work, path, work.x.runs[path])


def _time_out(work: Work, path: str, run: Run) -> None:
    late = next((wait for wait in run.waits if overdue(wait, work.at)), None)
    if late is not None:
        time_out(work, path, late)
    elif run.until is not None and run.until <= work.at:
        time_out(work, path, None)


def begin_again(work: Work) -> None:
    """Begins what was answered, and what is to be tried again by now."""
    if not _under_way(work):
        return
    for path in list(work.x.open):
        if not work.cut and path in work.x.open and _is_up_again(work.x.runs[path], work.at):
            begin(work, path, work.x.plan.node(path))


def _is_up_again(run: Run, at: datetime) -> bool:
    if run.status is StepStatus.RETRYING:
        return run.not_before is not None and run.not_before <= at
    return run.status is StepStatus.PENDING


def _under_way(work: Work) -> bool:
    return work.x.state.status in _UNDER_WAY
