"""Signals, and answers to steps that wait."""

from typing import Any

from engine.domain.errors import InvalidState, NotFound, Problem, ValidationFailed
from engine.domain.events import SignalReceived, StepResumed
from engine.domain.execution.commands import Answer, Signal
from engine.domain.execution.outcomes import fail, schema_problems, succeed, take_signal
from engine.domain.execution.state import Run
from engine.domain.execution.work import Work
from engine.domain.failure import Failure
from engine.domain.status import FailureKind, StepStatus
from engine.domain.waiting import WaitingFor, WaitKind


def signal(work: Work, command: Signal) -> None:
    """Goes to the step that has waited longest for it; else it is kept for one that will."""
    path = _waiting_for_signal(work, command.name)
    if path is not None:
        problems = schema_problems(command.payload, work.x.runs[path].waits[0].schema, path=("payload",))
        if problems:
            raise ValidationFailed(problems)
    work.emit(SignalReceived(at=work.at, name=command.name, payload=command.payload, actor=command.actor))
    if path is not None:
        take_signal(work, path, work.x.state.signals[-1])


def _waiting_for_signal(work: Work, name: str) -> str | None:
    for path in work.x.open:
        run = work.x.runs[path]
        if run.status is StepStatus.WAITING and any(wait.signal == name for wait in run.waits):
            return path
    return None


def answer(work: Work, command: Answer, path: str) -> None:
    """`path` is the scheduled run; the command may name a run inside it. Raises if the step does not wait for this."""
    run = work.x.runs.get(path)
    if run is None or run.status is not StepStatus.WAITING:
        raise _not_waiting(work, command, run)
    waiting_for = _chosen(work, command, run)
    if command.failure is None:
        problems = schema_problems(command.output, waiting_for.schema, path=("output",))
        if problems:
            raise ValidationFailed(problems)
    payload = command.output if command.failure is None else {"failure": command.failure}
    interrupt = waiting_for.kind is WaitKind.INTERRUPT
    if interrupt and command.failure is None:
        _resume(work, command, path, payload, waiting_for)
        return
    _resume(work, command, path, payload, waiting_for)
    if command.failure is not None:
        rejected = Failure(kind=FailureKind.TASK, code="rejected", message=command.failure, retryable=False)
        fail(work, path, rejected)
    else:
        succeed(work, path, command.output)


def _resume(work: Work, command: Answer, path: str, payload: Any, waiting_for: WaitingFor) -> None:
    work.emit(
        StepResumed(
            at=work.at, step_id=path, payload=payload, actor=command.actor, interrupt_id=waiting_for.interrupt_id
        )
    )


def _chosen(work: Work, command: Answer, run: Run) -> WaitingFor:
    """The wait that is meant: by interrupt id, by the inner run that was named, or the only one."""
    if command.interrupt_id is not None:
        for wait in run.waits:
            if wait.interrupt_id == command.interrupt_id:
                return wait
        message = f"step {command.path!r} does not wait for interrupt {command.interrupt_id!r}"
        raise NotFound(message, path=("interruptId",))
    inner = work.x.runs.get(command.path)
    waits = inner.waits if inner is not None and inner.watched and inner.waits else run.waits
    if len(waits) > 1:
        message = f"step {command.path!r} waits for {len(waits)} interrupts: say which"
        ids = ", ".join(str(wait.interrupt_id) for wait in waits)
        raise ValidationFailed([Problem(message=message, path=("interruptId",), hint=f"one of {ids}")])
    return waits[0]


def _not_waiting(work: Work, command: Answer, run: Run | None) -> InvalidState | NotFound:
    state = work.x.state
    if run is None and work.x.plan.find(command.path) is None:
        return NotFound(f"execution {state.id} has no step {command.path!r}", path=("stepId",))
    status = run.status if run else StepStatus.PENDING
    return InvalidState(f"step {command.path!r} is {status}, not WAITING", path=("stepId",))
