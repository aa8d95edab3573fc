"""decide(execution, command) -> events: every rule about executions, without a clock, a store or chance.

A command that comes too late (a result of an attempt that was given up, say) is answered with no events. A command that is
wrong raises, and nothing changes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from engine.domain import events as e
from engine.domain.execution import commands as c
from engine.domain.execution import reports, requests
from engine.domain.execution.requests import check_edit
from engine.domain.execution.scheduling import drive
from engine.domain.execution.state import Execution
from engine.domain.execution.work import Work
from engine.domain.status import ExecutionStatus

__all__ = ["Decision", "check_edit", "decide"]

_E = ExecutionStatus


class Decision(msgspec.Struct, frozen=True):
    """`execution` is the state after `events`. With `more`, another `Advance` is wanted at once."""

    events: tuple[e.DurableEvent, ...]
    execution: Execution
    more: bool = False


def decide(execution: Execution, command: c.Command, at: datetime, *, begins: bool = True) -> Decision:
    """`begins` False: what would begin is left to a later decision. Raises `InvalidState`, `NotFound`, `ValidationFailed` or
    `RevisionConflict` where the command cannot be carried out.
    """
    work = Work(execution, at)
    if not begins:
        work.starts_left = 0
    kind = type(command)
    if kind in _REPORTS:
        _REPORTS[kind](work, command)
        drive(work)
        _settle_status(work)
    else:
        _REQUESTS[kind](work, command)
        _wake_up(work)
    return Decision(tuple(work.events), work.x, more=work.cut)


def _settle_status(work: Work) -> None:
    """RUNNING while a step is ready, running or between retries; WAITING when all that is open waits for something outside."""
    status = work.x.state.status
    if status not in (_E.RUNNING, _E.WAITING):
        return
    waits = bool(work.x.open) and not work.x.active and not work.cut
    _change_status(work, _E.WAITING if waits else _E.RUNNING)


def _wake_up(work: Work) -> None:
    """Whoever only asks does not begin steps: RUNNING calls for a worker to find out what the change made ready."""
    if work.x.state.status is _E.WAITING and any(isinstance(event, _READYING) for event in work.events):
        _change_status(work, _E.RUNNING)


def _change_status(work: Work, to: ExecutionStatus) -> None:
    status = work.x.state.status
    if to is not status:
        work.emit(e.ExecutionStatusChanged(at=work.at, from_=status, to=to))


_READYING = (e.StepSucceeded, e.StepFailed, e.StepRetryScheduled, e.StepResumed, e.ExecutionEdited)

_Answer = Callable[[Work, Any], None]
_REPORTS: dict[type[c.Command], _Answer] = {
    c.Claim: reports.claim,
    c.Advance: reports.advance,
    c.StepDone: reports.step_done,
    c.StepErred: reports.step_erred,
    c.StepSuspends: reports.step_suspends,
    c.BudgetStops: reports.budget_stops,
    c.Abort: reports.abort,
    c.Observe: reports.observe,
    c.ChildRunDone: reports.child_run_done,
}
_REQUESTS: dict[type[c.Command], _Answer] = {
    c.Cancel: requests.cancel,
    c.Pause: requests.pause,
    c.Resume: requests.unpause,
    c.Signal: requests.signal,
    c.Answer: requests.answer,
    c.Edit: requests.edit,
    c.ChildEnded: requests.child_ended,
    c.Admit: requests.admit,
}
