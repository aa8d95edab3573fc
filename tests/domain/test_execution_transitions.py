"""The tables of statuses, over their full product, and the guard that refuses all else."""

from itertools import product

import pytest

from engine.domain import events as e
from engine.domain.execution import evolve
from engine.domain.execution.transitions import IllegalTransition, require_execution_may, require_step_may
from engine.domain.failure import Failure, Usage
from engine.domain.status import EXECUTION_TRANSITIONS, STEP_TRANSITIONS, ExecutionStatus, FailureKind, StepStatus
from tests.domain.driven_execution import START, DrivenExecution, step

NO = Failure(kind=FailureKind.TASK, code="broken", message="no")
E, S = ExecutionStatus, StepStatus

EXECUTIONS = """
             QUEUED RUNNING WAITING PAUSED SUCCEEDED FAILED CANCELLED TIMED_OUT
QUEUED       .      x       .       x      .         x      x         x
RUNNING      .      x       x       x      x         x      x         x
WAITING      .      x       .       x      x         x      x         x
PAUSED       x      x       .       .      .         x      x         x
SUCCEEDED    .      .       .       .      .         .      .         .
FAILED       .      .       .       .      .         .      .         .
CANCELLED    .      .       .       .      .         .      .         .
TIMED_OUT    .      .       .       .      .         .      .         .
"""
STEPS = """
             PENDING RUNNING WAITING RETRYING SUCCEEDED FAILED SKIPPED CANCELLED COMPENSATED
PENDING      x       x       .       .        x         x      x       x         .
RUNNING      .       .       x       x        x         x      .       x         .
WAITING      x       x       x       x        x         x      .       x         .
RETRYING     .       x       .       .        .         .      .       x         .
SUCCEEDED    .       .       .       .        .         .      .       .         x
FAILED       .       .       .       .        .         .      .       .         .
SKIPPED      .       .       .       .        .         .      .       .         .
CANCELLED    .       .       .       .        .         .      .       .         .
COMPENSATED  .       .       .       .        .         .      .       .         .
"""


def allowed(table: str) -> set[tuple[str, str]]:
    header, *rows = [line.split() for line in table.strip().splitlines()]
    return {(row[0], to) for row in rows for to, mark in zip(header, row[1:], strict=True) if mark == "x"}


@pytest.mark.parametrize(("was", "to"), list(product(ExecutionStatus, ExecutionStatus)))
def test_an_execution_changes_its_status_only_as_the_table_says(was: ExecutionStatus, to: ExecutionStatus) -> None:
    if (was, to) in allowed(EXECUTIONS):
        require_execution_may(was, to)
    else:
        with pytest.raises(IllegalTransition, match=f"{was} may not become {to}"):
            require_execution_may(was, to)


@pytest.mark.parametrize(("was", "to"), list(product(StepStatus, StepStatus)))
def test_a_step_changes_its_status_only_as_the_table_says(was: StepStatus, to: StepStatus) -> None:
    if (was, to) in allowed(STEPS):
        require_step_may("a", was, to)
    else:
        with pytest.raises(IllegalTransition, match=f"step a is {was} and may not become {to}"):
            require_step_may("a", was, to)


def test_the_tables_know_every_status() -> None:
    assert set(EXECUTION_TRANSITIONS) == set(ExecutionStatus)
    assert set(STEP_TRANSITIONS) == set(StepStatus)


def test_what_is_terminal_is_never_left_and_what_is_done_only_by_being_undone() -> None:
    assert {status for status in ExecutionStatus if status.terminal} == {
        E.SUCCEEDED,
        E.FAILED,
        E.CANCELLED,
        E.TIMED_OUT,
    }
    done = {status for status in StepStatus if status.done}
    assert done == {S.SUCCEEDED, S.FAILED, S.SKIPPED, S.CANCELLED, S.COMPENSATED}
    assert set().union(*(STEP_TRANSITIONS[status] for status in done)) == {S.COMPENSATED}


@pytest.mark.parametrize(
    "event",
    [
        e.StepSucceeded(at=START, step_id="a", attempt=1),
        e.StepStarted(at=START, step_id="a", attempt=2, kind="task"),
        e.StepCompensated(at=START, step_id="b"),
        e.StepRetryScheduled(at=START, step_id="c", attempt=1, not_before=START, failure=NO),
        e.ExecutionQueued(at=START, lane="x", workflow_id="wf_1", workflow="test", version=1, input={}),
        e.ExecutionStatusChanged(at=START, from_=E.RUNNING, to=E.QUEUED),
    ],
)
def test_a_log_that_was_tampered_with_is_not_folded(event: e.DurableEvent) -> None:
    driven = DrivenExecution(step("a"), step("b"), step("c")).claim()
    driven.done("a")
    with pytest.raises(IllegalTransition):
        evolve(driven.x, [event])


@pytest.mark.parametrize(
    "event",
    [
        e.ExecutionCancelled(at=START),
        e.ModelCalled(at=START, step_id="a", model="m", usage=Usage(model_calls=1)),
        e.SignalReceived(at=START, name="go"),
    ],
)
def test_nothing_comes_after_the_terminal_event(event: e.DurableEvent) -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.done("a")
    with pytest.raises(IllegalTransition, match="after the last event"):
        evolve(driven.x, [event])
