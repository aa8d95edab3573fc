"""What anybody may ask of an execution, whoever drives it. What it makes ready is for a worker to begin."""

import msgspec

from engine.domain import events as e
from engine.domain.edits import StepEdit, apply_edits, diff, edit_problems
from engine.domain.errors import InvalidState, RevisionConflict, ValidationFailed
from engine.domain.execution import answers
from engine.domain.execution import commands as c
from engine.domain.execution.closing import begin_ending
from engine.domain.execution.outcomes import fail, resume
from engine.domain.execution.state import Execution, State
from engine.domain.execution.work import Work
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus
from engine.domain.waiting import WaitingFor

_E = ExecutionStatus


def _require_live(state: State, verb: str) -> None:
    if state.terminal:
        raise InvalidState(f"execution {state.id} is {state.status} and cannot be {verb}", path=("id",))


def _require_not_ending(state: State, verb: str) -> None:
    if state.ending is not None:
        message = f"execution {state.id} is ending as {state.ending.status} and cannot be {verb}"
        raise InvalidState(message, path=("id",))


def cancel(work: Work, command: c.Cancel) -> None:
    state = work.x.state
    _require_live(state, "cancelled")
    if not command.force:
        _require_not_ending(state, "cancelled again, except by force")
    begin_ending(work, _E.CANCELLED, reason=command.reason, actor=command.actor, force=command.force)


def pause(work: Work, command: c.Pause) -> None:
    state = work.x.state
    _require_live(state, "paused")
    _require_not_ending(state, "paused")
    if state.status is _E.PAUSED:
        raise InvalidState(f"execution {state.id} is paused already", path=("id",))
    work.emit(
        e.ExecutionStatusChanged(
            at=work.at, from_=state.status, to=_E.PAUSED, reason=command.reason, actor=command.actor
        )
    )


def unpause(work: Work, command: c.Resume) -> None:
    state = work.x.state
    if state.status is not _E.PAUSED:
        raise InvalidState(f"execution {state.id} is {state.status}, not PAUSED", path=("id",))
    begun = state.started_at is not None or state.ending is not None
    work.emit(
        e.ExecutionStatusChanged(
            at=work.at,
            from_=_E.PAUSED,
            to=_E.RUNNING if begun else _E.QUEUED,
            reason=command.reason,
            actor=command.actor,
            budget=command.budget,
        )
    )


def signal(work: Work, command: c.Signal) -> None:
    _require_live(work.x.state, "signalled")
    answers.signal(work, command)


def answer(work: Work, command: c.Answer) -> None:
    _require_live(work.x.state, "answered")
    answers.answer(work, command)


def edit(work: Work, command: c.Edit) -> None:
    check_edit(work.x, command)
    before = work.x.plan.definition
    changes = diff(before, apply_edits(before, command.edits))
    revision = work.x.state.revision + 1
    work.emit(e.ExecutionEdited(at=work.at, revision=revision, diff=changes, actor=command.actor, edits=command.edits))


def check_edit(x: Execution, command: c.Edit) -> None:
    """Raises what `decide` would; whether the edited definition is valid as a whole is for the caller to find out before."""
    state = x.state
    _require_live(state, "edited")
    _require_not_ending(state, "edited")
    if state.revision != command.expected_revision:
        message = f"the execution is at revision {state.revision}, not {command.expected_revision}"
        raise RevisionConflict(message, path=("expectedRevision",), current=state.revision)
    begun = [step_id for step_id in x.plan.steps.nodes if step_id in x.runs]
    problems = edit_problems(x.plan.definition, [msgspec.convert(edit, StepEdit) for edit in command.edits], begun)
    if problems:
        raise ValidationFailed(problems)


def child_ended(work: Work, command: c.ChildEnded) -> None:
    """Raises `InvalidState` where the step may yet wait for this child: then it has to be told again. An attempt that is over
    waits for nobody.
    """
    path = work.x.scheduled(command.path)
    run = work.x.runs.get(path)
    if run is None or run.status.done:
        return
    waiting_for = next((wait for wait in run.waits if wait.execution_id == command.child_id), None)
    if waiting_for is not None:
        _take_child(work, path, command, waiting_for)
    elif run.status is not StepStatus.WAITING and not run.attempt_spent:
        raise InvalidState(f"step {path!r} is {run.status}, and does not wait yet", path=("path",))


def _take_child(work: Work, path: str, command: c.ChildEnded, waiting_for: WaitingFor) -> None:
    if command.status is _E.SUCCEEDED:
        resume(work, path, waiting_for, command.output)
        return
    inner = command.failure
    message = f"child execution {command.child_id} is {command.status}" + (f": {inner.message}" if inner else "")
    details = {"executionId": command.child_id, "failure": msgspec.to_builtins(inner) if inner else None}
    code = f"child_{command.status.lower()}"
    fail(work, path, Failure(kind=FailureKind.TASK, code=code, message=message, details=details))


def admit(work: Work, command: c.Admit) -> None:
    if not work.x.state.admitted and not work.x.state.terminal:
        work.emit(e.ExecutionAdmitted(at=work.at))
