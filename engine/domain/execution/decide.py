"""decide(execution, command) -> events: every rule about executions, without a clock, a store or chance.

A command that comes too late (a result of an attempt that was given up, say) is answered with no events. A command that is
wrong raises, and nothing changes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from engine.domain import events as e
from engine.domain.edits import StepEdit, apply_edits, diff, edit_problems
from engine.domain.errors import InvalidState, RevisionConflict, ValidationFailed
from engine.domain.execution import commands as c
from engine.domain.execution.answers import answer, signal
from engine.domain.execution.closing import begin_ending, compensate
from engine.domain.execution.outcomes import fail, succeed, wait
from engine.domain.execution.scheduling import follow_up, start_ready
from engine.domain.execution.state import Execution, Run
from engine.domain.execution.timers import fire_due
from engine.domain.execution.work import Work
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus

_E = ExecutionStatus


class Decision(msgspec.Struct, frozen=True):
    """`execution` is the state after `events`. With `more`, another `Advance` is wanted at once."""

    events: tuple[e.DurableEvent, ...]
    execution: Execution
    more: bool = False


def decide(execution: Execution, command: c.Command, at: datetime) -> Decision:
    """Raises `InvalidState`, `NotFound`, `ValidationFailed` or `RevisionConflict` where the command cannot be carried out."""
    work = Work(execution, at)
    _ANSWER[type(command)](work, command)
    if isinstance(command, _DRIVING):
        follow_up(work)
        _end_if_stuck(work)
        compensate(work)
    _settle_status(work, driving=isinstance(command, _DRIVING))
    return Decision(tuple(work.events), work.x, more=work.starts_left <= 0)


def _end_if_stuck(work: Work) -> None:
    """Nothing is open and nothing can start: a live edit or a defect cut the graph. Better a failure than a wait for ever."""
    if work.may_start and not work.x.open and work.starts_left > 0 and work.x.state.started_at is not None:
        failure = Failure(kind=FailureKind.TASK, code="no_step_can_start", message="no step is left that could start")
        begin_ending(work, _E.FAILED, failure=failure)


def _settle_status(work: Work, *, driving: bool) -> None:
    """RUNNING while a step is ready, running or between retries; WAITING when all that is open waits for something outside.

    Whoever does not drive the execution leaves it RUNNING: what its change made ready is for a worker to find out.
    """
    state = work.x.state
    if state.status not in (_E.RUNNING, _E.WAITING) or not (work.events or driving):
        return
    waiting = driving and work.starts_left > 0 and bool(work.x.open) and not any(map(_active, _leaves(work.x)))
    status = _E.WAITING if waiting else _E.RUNNING
    if not driving and state.status is _E.WAITING and not _frees_something(work):
        return
    if status is not state.status:
        work.emit(e.ExecutionStatusChanged(at=work.at, from_=state.status, to=status))


def _frees_something(work: Work) -> bool:
    return any(
        isinstance(event, e.StepSucceeded | e.StepFailed | e.StepResumed | e.ExecutionEdited) for event in work.events
    )


def _leaves(x: Execution) -> list[Run]:
    return [x.runs[path] for path in x.open if x.runs[path].fan is None]


def _active(run: Run) -> bool:
    return run.status is not StepStatus.WAITING


# ------------------------------------------------------------------ from whoever holds the lease


def _claim(work: Work, command: c.Claim) -> None:
    state = work.x.state
    if state.terminal:
        return
    if state.status is _E.QUEUED:
        work.emit(e.ExecutionStarted(at=work.at, worker=command.worker))
    for path in list(work.x.open):
        run = work.x.runs[path]
        if run.status is StepStatus.RUNNING and run.fan is None:
            message = f"the worker that ran it was lost; {command.worker} took over"
            fail(work, path, Failure(kind=FailureKind.INFRA, code="worker_lost", message=message))
    _advance(work, c.Advance())


def _advance(work: Work, command: c.Advance) -> None:
    if work.x.state.terminal:
        return
    fire_due(work)
    follow_up(work)
    start_ready(work)


def _current(work: Work, path: str, attempt: int) -> bool:
    """Whether a report is about the attempt that is under way."""
    run = work.x.runs.get(path)
    return run is not None and run.status is StepStatus.RUNNING and run.attempt == attempt


def _step_done(work: Work, command: c.StepDone) -> None:
    if _current(work, command.path, command.attempt):
        succeed(work, command.path, command.output)


def _step_erred(work: Work, command: c.StepErred) -> None:
    if _current(work, command.path, command.attempt):
        fail(work, command.path, command.failure)


def _step_suspends(work: Work, command: c.StepSuspends) -> None:
    if _current(work, command.path, command.attempt):
        wait(work, command.path, command.waits)


def _budget_stops(work: Work, command: c.BudgetStops) -> None:
    if not _current(work, command.path, command.attempt):
        return
    failure = Failure(
        kind=FailureKind.BUDGET, code="budget_reached", message="the budget does not cover another model call"
    )
    fail(work, command.path, failure)
    state = work.x.state
    if state.status in (_E.RUNNING, _E.WAITING):
        work.emit(e.ExecutionStatusChanged(at=work.at, from_=state.status, to=_E.PAUSED, reason="budget reached"))


def _abort(work: Work, command: c.Abort) -> None:
    if not work.x.state.terminal and work.x.state.ending is None:
        begin_ending(work, _E.FAILED, failure=command.failure)


def _observe(work: Work, command: c.Observe) -> None:
    """Model calls count however late the report is; the rest only while the step runs."""
    event = command.event
    owner = work.x.runs.get(scheduled_path(work.x, event.step_id))
    if owner is None or work.x.state.terminal:
        return
    if isinstance(event, e.ModelCalled) or owner.status is StepStatus.RUNNING:
        work.emit(event)


def _child_run_done(work: Work, command: c.ChildRunDone) -> None:
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


def scheduled_path(x: Execution, path: str) -> str:
    """The scheduled run that a watched run belongs to; the path itself where it is one."""
    while path and (run := x.runs.get(path)) is not None and run.watched:
        path = path.rpartition(".")[0]
    while path and path not in x.runs:
        path = path.rpartition(".")[0]
    return path


# ------------------------------------------------------------------ from anybody


def _require_live(work: Work, verb: str) -> None:
    state = work.x.state
    if state.terminal:
        raise InvalidState(f"execution {state.id} is {state.status} and cannot be {verb}", path=("id",))


def _cancel(work: Work, command: c.Cancel) -> None:
    _require_live(work, "cancelled")
    ending = work.x.state.ending
    if ending is not None and not command.force:
        raise InvalidState(f"execution {work.x.state.id} is being {ending.status.lower()} already", path=("id",))
    begin_ending(work, _E.CANCELLED, reason=command.reason, actor=command.actor, force=command.force)


def _pause(work: Work, command: c.Pause) -> None:
    _require_live(work, "paused")
    state = work.x.state
    if state.status is _E.PAUSED:
        raise InvalidState(f"execution {state.id} is paused already", path=("id",))
    if state.ending is not None:
        raise InvalidState(f"execution {state.id} is being {state.ending.status.lower()}", path=("id",))
    work.emit(
        e.ExecutionStatusChanged(
            at=work.at, from_=state.status, to=_E.PAUSED, reason=command.reason, actor=command.actor
        )
    )


def _resume(work: Work, command: c.Resume) -> None:
    state = work.x.state
    if state.status is not _E.PAUSED:
        raise InvalidState(f"execution {state.id} is {state.status}, not PAUSED", path=("id",))
    to = _E.RUNNING if state.started_at else _E.QUEUED
    work.emit(
        e.ExecutionStatusChanged(
            at=work.at, from_=_E.PAUSED, to=to, reason=command.reason, actor=command.actor, budget=command.budget
        )
    )


def _signal(work: Work, command: c.Signal) -> None:
    _require_live(work, "signalled")
    signal(work, command)


def _answer(work: Work, command: c.Answer) -> None:
    _require_live(work, "answered")
    answer(work, command, scheduled_path(work.x, command.path))


def _edit(work: Work, command: c.Edit) -> None:
    check_edit(work.x, command)
    before = work.x.plan.definition
    changes = diff(before, apply_edits(before, command.edits))
    revision = work.x.state.revision + 1
    work.emit(e.ExecutionEdited(at=work.at, revision=revision, diff=changes, actor=command.actor, edits=command.edits))


def check_edit(x: Execution, command: c.Edit) -> None:
    """Raises what `decide` would; whether the edited definition is valid as a whole is for the caller to find out before."""
    state = x.state
    if state.terminal or state.ending is not None:
        raise InvalidState(f"execution {state.id} is over or ending and cannot be edited", path=("id",))
    if state.revision != command.expected_revision:
        message = f"the execution is at revision {state.revision}, not {command.expected_revision}"
        raise RevisionConflict(message, path=("expectedRevision",), current=state.revision)
    begun = [path for path in x.runs if "." not in path]
    problems = edit_problems(x.plan.definition, [msgspec.convert(edit, StepEdit) for edit in command.edits], begun)
    if problems:
        raise ValidationFailed(problems)


def _child_ended(work: Work, command: c.ChildEnded) -> None:
    run = work.x.runs.get(command.path)
    if run is None or not any(wait.execution_id == command.child_id for wait in run.waits):
        return
    if command.status is _E.SUCCEEDED:
        work.emit(e.StepResumed(at=work.at, step_id=command.path, payload=command.output))
        succeed(work, command.path, command.output)
        return
    inner = command.failure
    message = f"child execution {command.child_id} is {command.status}" + (f": {inner.message}" if inner else "")
    details = {"executionId": command.child_id, "failure": msgspec.to_builtins(inner) if inner else None}
    code = f"child_{command.status.lower()}"
    fail(work, command.path, Failure(kind=FailureKind.TASK, code=code, message=message, details=details))


def _admit(work: Work, command: c.Admit) -> None:
    if not work.x.state.admitted and not work.x.state.terminal:
        work.emit(e.ExecutionAdmitted(at=work.at))


_DRIVING = (
    c.Claim,
    c.Advance,
    c.StepDone,
    c.StepErred,
    c.StepSuspends,
    c.BudgetStops,
    c.Abort,
    c.Observe,
    c.ChildRunDone,
)
_ANSWER: dict[type[c.Command], Callable[[Work, Any], None]] = {
    c.Claim: _claim,
    c.Advance: _advance,
    c.StepDone: _step_done,
    c.StepErred: _step_erred,
    c.StepSuspends: _step_suspends,
    c.BudgetStops: _budget_stops,
    c.Abort: _abort,
    c.Observe: _observe,
    c.ChildRunDone: _child_run_done,
    c.Cancel: _cancel,
    c.Pause: _pause,
    c.Resume: _resume,
    c.Signal: _signal,
    c.Answer: _answer,
    c.Edit: _edit,
    c.ChildEnded: _child_ended,
    c.Admit: _admit,
}
