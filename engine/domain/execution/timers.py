"""What becomes due without anybody asking: retries, timeouts, the end of a sleep, the deadline."""

from datetime import datetime

from engine.domain.execution.begin import begin
from engine.domain.execution.closing import begin_ending
from engine.domain.execution.outcomes import time_out
from engine.domain.execution.state import Execution, Run
from engine.domain.execution.work import Work
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus
from engine.domain.waiting import WaitingFor


def next_due(x: Execution) -> datetime | None:
    """The earliest moment at which `fire_due` has something to do; None if time alone changes nothing."""
    state = x.state
    if state.terminal:
        return None
    moments = [state.deadline] if state.ending is None else []
    if state.status is not ExecutionStatus.PAUSED:
        if state.status is ExecutionStatus.QUEUED:
            moments.append(state.not_before)
        for path in x.open:
            moments.extend(_moments(x.runs[path]))
    return min((moment for moment in moments if moment is not None), default=None)


def _moments(run: Run) -> list[datetime | None]:
    if run.status is StepStatus.RETRYING:
        return [run.not_before]
    return [run.until, *(wait.until for wait in run.waits)]


def fire_due(work: Work) -> None:
    """Carries out everything that is due at the time of the decision."""
    state = work.x.state
    if state.ending is None and state.deadline is not None and state.deadline <= work.at:
        message = f"not done by {state.deadline.isoformat()}"
        failure = Failure(kind=FailureKind.TIMEOUT, code="execution_timeout", message=message, retryable=False)
        begin_ending(work, ExecutionStatus.TIMED_OUT, failure=failure, reason="timed out")
        return
    if state.status in (ExecutionStatus.PAUSED, ExecutionStatus.QUEUED):
        return
    for path in list(work.x.open):
        if path in work.x.open:
            _fire(work, path, work.x.runs[path])


def _fire(work: Work, path: str, run: Run) -> None:
    if run.status is StepStatus.RETRYING or (run.status is StepStatus.PENDING and run.attempt):
        due = run.not_before is None or run.not_before <= work.at
        if due and work.starts_left > 0:
            begin(work, path, work.x.plan.node(path))
        return
    overdue = _overdue(run, work.at)
    if overdue is not None:
        time_out(work, path, overdue)
    elif run.until is not None and run.until <= work.at:
        time_out(work, path, None)


def _overdue(run: Run, at: datetime) -> WaitingFor | None:
    return next((wait for wait in run.waits if wait.until is not None and wait.until <= at), None)
