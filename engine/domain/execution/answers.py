"""Signals, and answers to steps that wait."""

from collections.abc import Iterator

from msgspec.structs import replace

from engine.domain.errors import InvalidState, NotFound, Problem, ValidationFailed
from engine.domain.events import SignalReceived
from engine.domain.execution.commands import Answer, Signal
from engine.domain.execution.outcomes import reject, resume, schema_problems, take_signal
from engine.domain.execution.state import Run
from engine.domain.execution.work import Work
from engine.domain.status import StepStatus
from engine.domain.waiting import WaitingFor


def signal(work: Work, command: Signal) -> None:
    """Goes to the first step that waits for it and accepts it. Where none waits, it is kept for one that will.

    Raises `ValidationFailed` where steps wait for it, and none accepts it.
    """
    waiting = list(_waiting_for_signal(work, command.name))
    refusals = [schema_problems(command.payload, wait.schema, path=("payload",)) for _, wait in waiting]
    if refusals and all(refusals):
        raise ValidationFailed(refusals[0])
    work.emit(SignalReceived(at=work.at, name=command.name, payload=command.payload, actor=command.actor))
    if waiting:
        path, wait = waiting[refusals.index([])]
        take_signal(work, path, wait, work.x.state.signals[-1])


def _waiting_for_signal(work: Work, name: str) -> Iterator[tuple[str, WaitingFor]]:
    """In the order in which the steps began."""
    for path in work.x.open:
        for wait in work.x.runs[path].waits:
            if wait.signal == name:
                yield path, wait


def answer(work: Work, command: Answer) -> None:
    """The command may name the scheduled run, or one inside of it. Raises if the step does not wait for this."""
    path = work.x.scheduled(command.path)
    named, run = work.x.runs.get(command.path), work.x.runs.get(path)
    if named is None or run is None:
        raise _not_waiting(work, command, named)
    waits = _asked_by(named, run)
    if not waits:
        raise _not_waiting(work, command, named)
    waiting_for = _chosen(command, waits)
    if command.failure is not None:
        reject(work, path, waiting_for, command.failure, actor=command.actor)
        return
    problems = schema_problems(command.output, waiting_for.schema, path=("output",))
    if problems:
        raise ValidationFailed(problems)
    resume(work, path, waiting_for, command.output, actor=command.actor)


def _asked_by(named: Run, run: Run) -> tuple[WaitingFor, ...]:
    """The waits of a scheduled run that came from the run that was named: itself, or one inside of it."""
    if named is run:
        return run.waits
    return tuple(wait for wait in run.waits if any(_same(asked, wait) for asked in named.waits))


def _same(asked: WaitingFor, wait: WaitingFor) -> bool:
    """A run inside of a step may not know under which id the step tells what it asks."""
    if asked.interrupt_id is not None:
        return asked.interrupt_id == wait.interrupt_id
    return asked == replace(wait, kind=asked.kind, interrupt_id=None)


def _chosen(command: Answer, waits: tuple[WaitingFor, ...]) -> WaitingFor:
    """By its interrupt id, or the only one."""
    if command.interrupt_id is not None:
        for wait in waits:
            if wait.interrupt_id == command.interrupt_id:
                return wait
        message = f"step {command.path!r} does not wait for interrupt {command.interrupt_id!r}"
        raise NotFound(message, path=("interruptId",))
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
