"""Steps that wait for a signal, for people or for a time."""

from datetime import timedelta
from typing import Any

import pytest

from engine.domain.errors import InvalidState, NotFound, ValidationFailed
from engine.domain.events import SignalReceived, StepResumed, StepWaiting
from engine.domain.execution import commands as c
from engine.domain.execution import next_due
from engine.domain.status import ExecutionStatus, FailureKind
from tests.domain.driven_execution import START, DrivenExecution, JsonObject, step

E = ExecutionStatus
NUMBER = {"type": "integer"}


def awaiting(*names: str, **with_: Any) -> DrivenExecution:
    """One step for each name, all waiting for the signal `go`."""
    steps = [step(name, "signal", {"name": "go", **with_}, needs=[]) for name in names]
    return DrivenExecution(*steps, output={name: f"${{ steps.{name}.output }}" for name in names}).claim()


# ------------------------------------------------------------------ signals


def test_a_signal_goes_to_the_step_that_waits_for_it() -> None:
    driven = awaiting("a")
    assert driven.status() is E.WAITING
    driven.signal("other", 0)
    assert driven.status() is E.WAITING
    driven.signal("go", {"n": 1})
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, {"a": {"n": 1}})


def test_a_signal_that_came_earlier_counts() -> None:
    driven = DrivenExecution(step("a"), step("b", "signal", {"name": "go"}), output="${ steps.b.output }")
    driven.do(c.Signal(name="go", payload=1, actor="ada"))
    driven.claim()
    driven.signal("go", 2)
    driven.done("a")
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, 1)
    assert [event.actor for event in driven.events(SignalReceived)] == ["ada", None]


def test_each_signal_is_taken_once_by_the_step_that_began_first() -> None:
    driven = awaiting("a", "b")
    driven.signal("go", 1)
    assert driven.statuses() == {"a": "SUCCEEDED", "b": "WAITING"}
    driven.signal("go", 2)
    assert driven.x.state.output == {"a": 1, "b": 2}


def test_early_signals_are_taken_in_order() -> None:
    steps = [step(name, "signal", {"name": "go"}, needs=["z"]) for name in "ab"]
    driven = DrivenExecution(step("z"), *steps, output="${ [steps.a.output, steps.b.output] }").claim()
    driven.signal("go", 1)
    driven.signal("go", 2)
    driven.done("z")
    assert driven.x.state.output == [1, 2]
    assert (driven.x.state.signals, driven.x.payloads) == ((), {})


def test_a_payload_that_breaks_the_schema_is_refused_and_changes_nothing() -> None:
    driven = awaiting("a", schema=NUMBER)
    with pytest.raises(ValidationFailed) as refused:
        driven.signal("go", "x")
    assert refused.value.problems[0].path == ("payload",)
    assert driven.events(SignalReceived) == []
    driven.signal("go", 1)
    assert driven.status() is E.SUCCEEDED


def test_a_signal_goes_to_the_first_step_that_accepts_it() -> None:
    driven = DrivenExecution(
        step("n", "signal", {"name": "go", "schema": NUMBER}, needs=[]), step("any", "signal", {"name": "go"}, needs=[])
    ).claim()
    driven.signal("go", "x")
    assert driven.statuses() == {"n": "WAITING", "any": "SUCCEEDED"}


def test_an_early_signal_that_breaks_the_schema_is_left_for_others() -> None:
    driven = DrivenExecution(
        step("a"), step("n", "signal", {"name": "go", "schema": NUMBER}), step("b", "signal", {"name": "go"})
    ).claim()
    driven.signal("go", "x")
    driven.signal("go", 1)
    driven.done("a")
    assert (driven.status(), driven.x.values["n"], driven.x.values["b"]) == (E.SUCCEEDED, 1, "x")


def test_a_signal_while_paused_is_recorded_and_starts_nothing() -> None:
    driven = DrivenExecution(step("s", "signal", {"name": "go"}), step("a")).claim()
    driven.do(c.Pause())
    driven.signal("go", 1)
    assert (driven.status(), driven.statuses(), driven.launched) == (E.PAUSED, {"s": "SUCCEEDED"}, [])


@pytest.mark.parametrize(("on_timeout", "status"), [("fail", E.FAILED), ("continue", E.SUCCEEDED)])
def test_a_wait_without_an_answer_ends_as_on_timeout_says(on_timeout: str, status: ExecutionStatus) -> None:
    driven = awaiting("a", timeout="5s", on_timeout=on_timeout)
    assert next_due(driven.x) == START + timedelta(seconds=5)
    driven.advance(5)
    assert driven.status() is status
    if status is E.FAILED:
        assert (driven.failure.kind, driven.failure.message) == (FailureKind.TIMEOUT, "no answer (signal) in time")
    else:
        assert driven.x.state.output == {"a": None}


def test_a_wait_that_is_tried_again_asks_again() -> None:
    driven = DrivenExecution(
        step("a", "approval", {"prompt": "?", "timeout": "5s"}, retry={"max_attempts": 2, "initial": "5s", "jitter": 0})
    ).claim()
    driven.advance(5)
    driven.advance(5)
    first, second = driven.events(StepWaiting)
    assert second.waiting_for.until - first.waiting_for.until == timedelta(seconds=10)
    driven.answer("a", 1)
    assert driven.status() is E.SUCCEEDED


# ------------------------------------------------------------------ approvals


def test_the_answer_is_the_output() -> None:
    driven = DrivenExecution(step("a", "approval", {"prompt": "?"}), output="${ steps.a.output }").claim()
    driven.answer("a", {"approved": True}, actor="ada")
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, {"approved": True})
    (resumed,) = driven.events(StepResumed)
    assert (resumed.payload, resumed.actor, resumed.interrupt_id) == ({"approved": True}, "ada", None)


def test_an_answer_that_breaks_the_schema_is_refused_and_may_be_given_again() -> None:
    schema = {"type": "object", "properties": {"approved": {"type": "boolean"}}}
    driven = DrivenExecution(step("a", "approval", {"prompt": "?", "schema": schema})).claim()
    with pytest.raises(ValidationFailed) as refused:
        driven.answer("a", {"approved": "yes"})
    assert refused.value.problems[0].path == ("output", "approved")
    driven.answer("a", {"approved": False})
    assert driven.status() is E.SUCCEEDED


def test_an_answer_may_be_a_failure_which_is_final() -> None:
    driven = DrivenExecution(
        step("a", "approval", {"prompt": "?", "schema": NUMBER}, retry={"max_attempts": 3})
    ).claim()
    driven.answer("a", failure="not like this", actor="ada")
    assert (driven.status(), driven.failure.code, driven.failure.message) == (E.FAILED, "rejected", "not like this")
    (resumed,) = driven.events(StepResumed)
    assert (resumed.payload, resumed.actor) == ({"failure": "not like this"}, "ada")


def test_an_answer_that_is_a_failure_is_followed_up_by_whoever_drives_next() -> None:
    driven = DrivenExecution(
        step("a", "approval", {"prompt": "?"}, on_error="continue"),
        step("b", with_={"why": "${ steps.a.failure.code }"}),
    ).claim()
    driven.answer("a", failure="no")
    assert driven.x.inputs["b"] == {"why": "rejected"}


def test_an_answer_inside_a_map_ends_its_item() -> None:
    asked = step("ask", "approval", {"prompt": "${ item }"})
    driven = DrivenExecution(
        step("m", "map", {"items": ["p", "q"], "steps": [asked]}), output="${ steps.m.output }"
    ).claim()
    driven.answer("m[1].ask", 2)
    driven.answer("m[0].ask", 1)
    assert driven.x.state.output == [1, 2]


@pytest.mark.parametrize("path", ["nowhere", "a.inside", "a[0]", ""])
def test_a_step_that_does_not_exist_is_not_found(path: str) -> None:
    driven = DrivenExecution(step("a", "approval", {"prompt": "?"}), step("b")).claim()
    with pytest.raises(NotFound) as refused:
        driven.answer(path, 1)
    assert refused.value.path == ("stepId",)


@pytest.mark.parametrize(("path", "status"), [("a", "RUNNING"), ("b", "PENDING")])
def test_a_step_that_does_not_wait_takes_no_answer(path: str, status: str) -> None:
    driven = DrivenExecution(step("a"), step("b", "approval", {"prompt": "?"})).claim()
    with pytest.raises(InvalidState, match=f"{status}, not WAITING"):
        driven.answer(path, 1)


# ------------------------------------------------------------------ timers


def test_a_sleep_waits_for_its_time() -> None:
    driven = DrivenExecution(step("a", "sleep", {"for": "5s"}), output="${ steps.a.output }").claim()
    assert (driven.status(), next_due(driven.x)) == (E.WAITING, START + timedelta(seconds=5))
    assert driven.advance(4.9) == []
    driven.advance(0.1)
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, None)


@pytest.mark.parametrize("with_", [{"until": "2020-01-01T00:00:00Z"}, {"for": "0s"}])
def test_a_time_that_has_come_is_not_waited_for(with_: JsonObject) -> None:
    driven = DrivenExecution(step("a", "sleep", with_)).claim()
    assert (driven.status(), driven.commits) == (E.SUCCEEDED, 1)


def test_a_sleep_may_be_ended_early_by_an_answer() -> None:
    driven = DrivenExecution(step("a", "sleep", {"for": "5s"})).claim()
    driven.answer("a")
    assert driven.status() is E.SUCCEEDED


def test_a_sleep_in_a_step_with_a_timeout_is_cut_short() -> None:
    driven = DrivenExecution(step("a", "sleep", {"for": "10s"}, timeout="5s")).claim()
    driven.advance(5)
    assert (driven.status(), driven.failure.code) == (E.FAILED, "step_timeout")
