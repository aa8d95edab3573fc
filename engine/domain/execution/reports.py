"""What whoever holds the lease reports. A report that comes too late, of an attempt that was given up, say, changes nothing."""

from engine.domain import events as e
from engine.domain.execution import commands as c
from engine.domain.execution.closing import begin_ending
from engine.domain.execution.outcomes import fail, succeed, wait
from engine.domain.execution.scheduling import follow_up, start_ready
from engine.domain.execution.timers import begin_again, end_if_overdue, time_out_late
from engine.domain.execution.work import Work
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus

_E = ExecutionStatus


def claim(work: Work, command: c.Claim) -> None:
    """Begins an execution that is QUEUED, unless it came too early: its delay may not be over, or its concurrency key held."""
    state = work.x.state
    if state.terminal or end_if_overdue(work):
        return
    if state.status is _E.QUEUED and state.admitted and (state.not_before is None or state.not_before <= work.at):
        work.emit(e.ExecutionStarted(at=work.at, worker=command.worker))
    for path in list(work.x.open):
        run = work.x.runs[path]
        if run.status is StepStatus.RUNNING and run.fan is None:
            message = f"the worker that ran it was lost; {command.worker} took over"
            fail(work, path, Failure(kind=FailureKind.INFRA, code="worker_lost", message=message))
    _go_on(work)


def advance(work: Work, command: c.Advance) -> None:
    if not work.x.state.terminal and not end_if_overdue(work):
        _go_on(work)


def _go_on(work: Work) -> None:
    time_out_late(work)
    follow_up(work)
    begin_again(work)
    start_ready(work)


def _current(work: Work, path: str, attempt: int) -> bool:
    """Whether a report is about the attempt that is under way."""
    run = work.x.runs.get(path)
    return run is not None and run.status is StepStatus.RUNNING and run.attempt == attempt


def step_done(work: Work, command: c.StepDone) -> None:
    if _current(work, command.path, command.attempt):
        succeed(work, command.path, command.output)


def step_erred(work: Work, command: c.StepErred) -> None:
    if _current(work, command.path, command.attempt):
        fail(work, command.path, command.failure)


def step_suspends(work: Work, command: c.StepSuspends) -> None:
    if not _current(work, command.path, command.attempt):
        return
    if command.waits:
        wait(work, command.path, command.waits)
        return
    message = "the step suspended itself, but waits for nothing"
    failure = Failure(kind=FailureKind.TASK, code="nothing_to_wait_for", message=message, retryable=False)
    fail(work, command.path, failure)


def budget_stops(work: Work, command: c.BudgetStops) -> None:
    if not _current(work, command.path, command.attempt):
        return
    message = "the budget does not cover another model call"
    fail(work, command.path, Failure(kind=FailureKind.BUDGET, code="budget_reached", message=message))
    status = work.x.state.status
    if status is not _E.PAUSED:
        work.emit(e.ExecutionStatusChanged(at=work.at, from_=status, to=_E.PAUSED, reason="budget reached"))


def abort(work: Work, command: c.Abort) -> None:
    if not work.x.state.terminal and work.x.state.ending is None:
        begin_ending(work, _E.FAILED, failure=command.failure)


def observe(work: Work, command: c.Observe) -> None:
    """Model calls count however late the report is; the rest only while the step runs."""
    event = command.event
    owner = work.x.runs.get(work.x.scheduled(event.step_id))
    if owner is None or work.x.state.terminal:
        return
    if isinstance(event, e.StepStarted):
        observed = owner.status is StepStatus.RUNNING and _may_be_watched(work, event.step_id)
    else:
        observed = owner.status is StepStatus.RUNNING or isinstance(event, e.ModelCalled)
    if observed:
        work.emit(event)


def _may_be_watched(work: Work, path: str) -> bool:
    """A path that is free, or of a run that waits. That of a step's compensation is not: a node may have such a name."""
    run = work.x.runs.get(path)
    if run is None:
        return work.x.plan.find(path) is None
    return run.watched and run.status is StepStatus.WAITING


def child_run_done(work: Work, command: c.ChildRunDone) -> None:
    run = work.x.runs.get(command.path)
    if run is None or not run.watched or run.status is not StepStatus.RUNNING:
        return
    at, path = work.at, command.path
    if command.failure is not None:
        work.emit(e.StepFailed(at=at, step_id=path, attempt=run.attempt, failure=command.failure, usage=run.usage))
    elif command.waiting_for is not None:
        work.emit(e.StepWaiting(at=at, step_id=path, waiting_for=command.waiting_for))
    else:
        work.emit(e.StepSucceeded(at=at, step_id=path, attempt=run.attempt, output=command.output, usage=run.usage))
