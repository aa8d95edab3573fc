"""Delay, admission, deadlines, pause and resume, cancellation, and which status an execution shows meanwhile."""

from datetime import timedelta

import pytest

from engine.domain.errors import InvalidState
from engine.domain.events import ExecutionStatusChanged
from engine.domain.execution import commands as c
from engine.domain.execution import next_due
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind
from tests.domain.driven_execution import START, DrivenExecution, over, step

E = ExecutionStatus
LATER = START + timedelta(seconds=30)


# ------------------------------------------------------------------ before it begins


def test_the_first_claim_starts_the_execution_and_a_later_one_does_not() -> None:
    driven = DrivenExecution(step("a"))
    assert (driven.status(), driven.names()) == (E.QUEUED, ["ExecutionQueued"])
    driven.claim()
    assert driven.names() == ["ExecutionQueued", "ExecutionStarted", "StepStarted"]
    driven.crash()
    assert driven.names().count("ExecutionStarted") == 1


def test_nothing_starts_without_a_claim() -> None:
    driven = DrivenExecution(step("a"))
    assert driven.advance() == []
    assert driven.status() is E.QUEUED


def test_before_its_delay_is_over_an_execution_is_queued() -> None:
    driven = DrivenExecution(step("a"), queued={"not_before": LATER})
    assert next_due(driven.x) == LATER
    driven.claim()
    assert (driven.status(), driven.launched) == (E.QUEUED, [])
    driven.now = LATER
    driven.claim()
    assert driven.status() is E.RUNNING


def test_an_execution_whose_concurrency_key_is_held_begins_when_it_is_admitted() -> None:
    driven = DrivenExecution(step("a"), queued={"admitted": False, "concurrency_key": "k"})
    driven.claim()
    assert (driven.status(), next_due(driven.x)) == (E.QUEUED, None)
    assert [type(event).__name__ for event in driven.do(c.Admit())] == ["ExecutionAdmitted"]
    assert driven.do(c.Admit()) == []
    driven.claim()
    assert driven.status() is E.RUNNING


def test_the_deadline_of_an_execution_that_never_began_ends_it_all_the_same() -> None:
    driven = DrivenExecution(step("a"), queued={"admitted": False, "deadline": LATER})
    assert next_due(driven.x) == LATER
    driven.now = LATER
    driven.claim()
    assert driven.names() == ["ExecutionQueued", "ExecutionTimedOut"]
    assert driven.do(c.Claim(worker="w1")) == []


# ------------------------------------------------------------------ deadlines


def test_the_timeout_counts_from_the_start_and_ends_the_execution() -> None:
    driven = DrivenExecution(step("a"), queued={"not_before": LATER}, timeout="1m")
    driven.now = LATER
    driven.claim()
    assert driven.x.state.deadline == LATER + timedelta(minutes=1)
    driven.advance(60)
    assert (driven.status(), driven.failure.kind, driven.failure.code) == (
        E.TIMED_OUT,
        FailureKind.TIMEOUT,
        "execution_timeout",
    )
    assert driven.statuses() == {"a": "CANCELLED"}


@pytest.mark.parametrize(
    ("timeout", "deadline"), [("10s", START + timedelta(seconds=10)), ("1m", LATER), (None, LATER)]
)
def test_the_earlier_of_deadline_and_timeout_counts(timeout: str | None, deadline: object) -> None:
    driven = DrivenExecution(step("a"), queued={"deadline": LATER}, timeout=timeout).claim()
    assert driven.x.state.deadline == deadline


def test_the_deadline_ends_a_paused_execution_too() -> None:
    driven = DrivenExecution(step("a"), queued={"deadline": LATER}).claim()
    driven.do(c.Pause())
    assert next_due(driven.x) == LATER
    driven.advance(30)
    assert driven.status() is E.TIMED_OUT


def test_nothing_is_due_for_an_execution_that_is_over() -> None:
    driven = DrivenExecution(step("a"), queued={"deadline": LATER}).claim()
    driven.done("a")
    assert next_due(driven.x) is None


def test_an_execution_that_cannot_go_on_is_aborted_with_the_reason() -> None:
    driven = DrivenExecution(step("a")).claim()
    failure = Failure(kind=FailureKind.TASK, code="log_limit", message="the log is full", retryable=False)
    driven.do(c.Abort(failure=failure))
    assert (driven.status(), driven.failure) == (E.FAILED, failure)
    assert driven.do(c.Abort(failure=failure)) == []


# ------------------------------------------------------------------ pause and resume


def test_while_paused_running_steps_end_and_are_recorded_and_nothing_starts() -> None:
    driven = DrivenExecution(step("a"), step("b"), step("c", needs=[])).claim()
    driven.do(c.Pause(reason="look", actor="ada"))
    driven.done("a", 1)
    driven.advance()
    assert (driven.status(), driven.x.values["a"], driven.running) == (E.PAUSED, 1, {"c": 1})
    driven.do(c.Resume(actor="ada"))
    assert driven.status() is E.RUNNING
    driven.advance()
    assert list(driven.running) == ["c", "b"]
    pause, resume = driven.events(ExecutionStatusChanged)
    assert (pause.to, pause.reason, pause.actor, resume.to) == (E.PAUSED, "look", "ada", E.RUNNING)


def test_a_result_right_after_a_resume_does_not_take_the_execution_for_stuck() -> None:
    driven = DrivenExecution(step("a"), step("b"), step("c", needs=[])).claim()
    driven.do(c.Pause())
    driven.done("a")
    driven.do(c.Resume())
    driven.done("c")
    assert (driven.status(), list(driven.running)) == (E.RUNNING, ["b"])


def test_the_last_result_while_paused_ends_the_execution_when_it_is_resumed() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.do(c.Pause())
    driven.done("a")
    assert driven.status() is E.PAUSED
    driven.do(c.Resume())
    driven.advance()
    assert driven.status() is E.SUCCEEDED


def test_a_failure_while_paused_takes_effect_when_it_is_resumed() -> None:
    driven = DrivenExecution(step("a", compensate={"kind": "task"}), step("b")).claim()
    driven.done("a")
    driven.do(c.Pause())
    driven.err("b", "broken")
    assert (driven.status(), driven.running, driven.statuses()["b"]) == (E.PAUSED, {}, "FAILED")
    driven.do(c.Resume())
    driven.advance()
    assert list(driven.running) == ["a.compensate"]
    driven.done("a.compensate")
    assert (driven.status(), driven.failure.code) == (E.FAILED, "broken")


def test_items_that_end_or_fail_while_paused_are_followed_up_when_it_is_resumed() -> None:
    driven = DrivenExecution(
        over("m", [1, 2, 3], step("x"), step("y"), concurrency=2, on_item_error="continue"),
        output="${ steps.m.output }",
    ).claim()
    driven.done("m[0].x")
    driven.do(c.Pause())
    driven.done("m[0].y", "y0")
    driven.err("m[1].x")
    assert driven.running == {}
    driven.do(c.Resume())
    driven.advance()
    assert list(driven.running) == ["m[2].x"]
    driven.done("m[2].x")
    driven.done("m[2].y", "y2")
    assert driven.x.state.output == ["y0", None, "y2"]


def test_timers_and_retries_wait_while_paused_and_fire_on_resume() -> None:
    driven = DrivenExecution(
        step("s", "sleep", {"for": "5s"}),
        step("t", needs=[], timeout="5s"),
        step("r", needs=[], retry={"max_attempts": 2, "initial": "5s"}),
    ).claim()
    driven.err("r")
    driven.do(c.Pause())
    assert next_due(driven.x) is None
    assert driven.advance(60) == []
    driven.do(c.Resume())
    driven.advance()
    assert driven.statuses() == {"s": "SUCCEEDED", "t": "FAILED", "r": "CANCELLED"}


def test_a_queued_execution_may_be_paused_and_is_queued_again_when_resumed() -> None:
    driven = DrivenExecution(step("a"))
    driven.do(c.Pause())
    driven.claim()
    assert (driven.status(), driven.names()[-1]) == (E.PAUSED, "ExecutionStatusChanged")
    driven.do(c.Resume())
    assert driven.status() is E.QUEUED
    driven.claim()
    assert driven.status() is E.RUNNING


def test_what_is_lost_while_paused_is_tried_again_after_the_resume() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.do(c.Pause())
    driven.crash()
    assert (driven.status(), driven.statuses(), driven.running) == (E.PAUSED, {"a": "RETRYING"}, {})
    driven.do(c.Resume())
    driven.advance(10)
    assert driven.running == {"a": 1}


def test_pausing_twice_and_resuming_what_runs_are_refused() -> None:
    driven = DrivenExecution(step("a")).claim()
    with pytest.raises(InvalidState, match="RUNNING, not PAUSED"):
        driven.do(c.Resume())
    driven.do(c.Pause())
    with pytest.raises(InvalidState, match="paused already"):
        driven.do(c.Pause())


# ------------------------------------------------------------------ cancelling


def test_a_cancelled_execution_starts_no_further_step() -> None:
    driven = DrivenExecution(step("a"), step("b"), step("c", needs=[], retry={"max_attempts": 2})).claim()
    driven.err("c")
    driven.do(c.Cancel(reason="enough", actor="ada"))
    assert driven.status() is E.CANCELLED
    assert driven.statuses() == {"a": "CANCELLED", "c": "CANCELLED"}
    assert driven.do(c.StepDone(path="a", attempt=1)) == []
    assert driven.advance(60) == []
    assert driven.names()[-1] == "ExecutionCancelled"


@pytest.mark.parametrize("paused", [False, True])
def test_what_has_not_begun_is_cancelled_at_once(*, paused: bool) -> None:
    driven = DrivenExecution(step("a"))
    if paused:
        driven.do(c.Pause())
    driven.do(c.Cancel())
    assert (driven.status(), driven.x.state.started_at) == (E.CANCELLED, None)


def test_what_is_over_takes_no_commands() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.done("a")
    asked: list[c.Command] = [
        c.Cancel(),
        c.Cancel(force=True),
        c.Pause(),
        c.Resume(),
        c.Signal(name="go"),
        c.Answer(path="a"),
        c.Edit(edits=(), expected_revision=1),
    ]
    for command in asked:
        with pytest.raises(InvalidState, match="SUCCEEDED"):
            driven.do(command)
    too_late: list[c.Command] = [c.Claim(worker="w2"), c.Advance(), c.Admit()]
    for command in too_late:
        assert driven.do(command) == []


# ------------------------------------------------------------------ RUNNING and WAITING


def test_an_execution_waits_when_all_that_is_open_waits() -> None:
    driven = DrivenExecution(
        step("ask", "approval", {"prompt": "?"}, needs=[]),
        over("m", [1], step("nap", "sleep", {"for": "5s"}), needs=[]),
    ).claim()
    assert driven.status() is E.WAITING
    driven.advance_to_next()
    assert driven.status() is E.WAITING
    assert driven.events(ExecutionStatusChanged)[0].to is E.WAITING


def test_an_execution_runs_as_long_as_one_step_does() -> None:
    driven = DrivenExecution(step("ask", "approval", {"prompt": "?"}, needs=[]), step("a", needs=[])).claim()
    assert driven.status() is E.RUNNING
    driven.done("a")
    assert driven.status() is E.WAITING


def test_an_answer_makes_a_waiting_execution_run_before_anybody_drives_it() -> None:
    driven = DrivenExecution(step("ask", "approval", {"prompt": "?"}), step("a")).claim()
    events = driven.do(c.Answer(path="ask", output=1))
    assert [type(event).__name__ for event in events] == ["StepResumed", "StepSucceeded", "ExecutionStatusChanged"]
    assert (driven.status(), driven.launched) == (E.RUNNING, [])


def test_from_one_wait_to_the_next_an_execution_stays_waiting() -> None:
    driven = DrivenExecution(step("s", "sleep", {"for": "5s"}), step("t", "sleep", {"for": "5s"})).claim()
    driven.advance_to_next()
    assert [change.to for change in driven.events(ExecutionStatusChanged)] == [E.WAITING]
    driven.advance_to_next()
    assert driven.status() is E.SUCCEEDED
