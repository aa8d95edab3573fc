"""Steps that wait: signals, approvals, timers, interrupts and children."""

from datetime import timedelta
from typing import Any

import pytest

from engine.domain.errors import InvalidState, NotFound, ValidationFailed
from engine.domain.events import SignalReceived, StepResumed, StepRetryScheduled, StepStarted, StepWaiting
from engine.domain.execution import commands as c
from engine.domain.execution import next_due
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind
from engine.domain.waiting import WaitingFor, WaitKind
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


# ------------------------------------------------------------------ children


def parent(**fields: Any) -> DrivenExecution:
    """A step that waits for the child `ex_2`."""
    driven = DrivenExecution(step("a", **fields), output="${ steps.a.output }").claim()
    driven.suspend("a", WaitingFor(kind=WaitKind.CHILD, execution_id="ex_2"))
    return driven


def ended(status: ExecutionStatus, child_id: str = "ex_2", **fields: Any) -> c.ChildEnded:
    return c.ChildEnded(path="a", child_id=child_id, status=status, **fields)


def test_the_output_of_a_child_is_the_output_of_its_step() -> None:
    driven = parent()
    assert driven.status() is E.WAITING
    driven.do(ended(E.SUCCEEDED, output=7))
    assert driven.status() is E.RUNNING
    driven.claim()
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, 7)


@pytest.mark.parametrize("status", [E.FAILED, E.CANCELLED, E.TIMED_OUT])
def test_a_child_that_did_not_succeed_fails_its_step(status: ExecutionStatus) -> None:
    driven = parent()
    inner = Failure(kind=FailureKind.TASK, code="broken", message="inner trouble")
    driven.do(ended(status, failure=inner if status is not E.CANCELLED else None))
    driven.claim()
    assert (driven.status(), driven.failure.code) == (E.FAILED, f"child_{status.lower()}")
    assert driven.failure.details["executionId"] == "ex_2"
    if status is not E.CANCELLED:
        assert "inner trouble" in driven.failure.message
        assert driven.failure.details["failure"]["code"] == "broken"


def test_a_step_that_is_tried_again_waits_for_its_new_child_alone() -> None:
    driven = parent(retry={"max_attempts": 2})
    driven.do(ended(E.FAILED))
    assert (driven.status(), driven.statuses()) == (E.RUNNING, {"a": "RETRYING"})
    driven.claim()
    driven.advance_to_next()
    assert driven.running == {"a": 2}
    driven.suspend("a", WaitingFor(kind=WaitKind.CHILD, execution_id="ex_3"))
    assert driven.do(ended(E.SUCCEEDED)) == []
    driven.do(ended(E.SUCCEEDED, "ex_3", output=1))
    driven.claim()
    assert driven.x.state.output == 1


def test_a_child_that_ended_before_its_step_waits_has_to_be_told_again() -> None:
    driven = DrivenExecution(step("a")).claim()
    with pytest.raises(InvalidState, match="RUNNING, and does not wait yet"):
        driven.do(ended(E.SUCCEEDED))
    driven.crash()
    with pytest.raises(InvalidState, match="RETRYING, and does not wait yet"):
        driven.do(ended(E.SUCCEEDED))


def test_the_child_of_an_attempt_that_is_over_is_not_waited_for() -> None:
    driven = DrivenExecution(step("a", retry={"max_attempts": 2})).claim()
    driven.err("a")
    assert driven.do(ended(E.SUCCEEDED)) == []


def test_a_child_that_is_not_waited_for_any_more_changes_nothing() -> None:
    driven = parent()
    driven.do(ended(E.SUCCEEDED))
    assert driven.do(ended(E.SUCCEEDED)) == []
    assert driven.do(c.ChildEnded(path="gone", child_id="ex_2", status=E.SUCCEEDED)) == []


# ------------------------------------------------------------------ interrupts


def interrupt(name: str, **fields: Any) -> WaitingFor:
    return WaitingFor(**{"kind": WaitKind.INTERRUPT, "interrupt_id": name, "prompt": name, **fields})


def answers(driven: DrivenExecution, path: str) -> tuple[tuple[str | None, Any], ...]:
    return driven.x.answers[path]


def test_an_interrupted_step_begins_again_with_the_answer_in_the_same_attempt() -> None:
    driven = DrivenExecution(step("a", with_={"x": 1})).claim()
    driven.suspend("a", interrupt("i1"))
    assert driven.status() is E.WAITING
    driven.answer("a", "yes")
    assert driven.launched == [("a", 1), ("a", 1)]
    assert answers(driven, "a") == (("i1", "yes"),)
    assert driven.x.inputs["a"] == {"x": 1}
    driven.done("a")
    assert (driven.status(), driven.x.answers) == (E.SUCCEEDED, {})


def test_several_interrupts_are_answered_one_by_one_in_any_order() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.suspend("a", interrupt("i1"), interrupt("i2"))
    driven.answer("a", 2, interrupt_id="i2")
    driven.suspend("a", interrupt("i1"))
    driven.answer("a", 1)
    assert answers(driven, "a") == (("i2", 2), ("i1", 1))


def test_a_second_answer_may_come_before_the_step_began_again() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.suspend("a", interrupt("i1"), interrupt("i2"))
    driven.do(c.Answer(path="a", interrupt_id="i1", output=1))
    assert [wait.interrupt_id for wait in driven.x.runs["a"].waits] == ["i2"]
    driven.do(c.Answer(path="a", output=2))
    with pytest.raises(InvalidState, match="PENDING"):
        driven.do(c.Answer(path="a", output=3))
    driven.claim()
    assert driven.launched == [("a", 1), ("a", 1)]
    assert answers(driven, "a") == (("i1", 1), ("i2", 2))


def test_with_several_interrupts_the_answer_has_to_say_which() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.suspend("a", interrupt("i1"), interrupt("i2", schema=NUMBER))
    with pytest.raises(ValidationFailed) as unclear:
        driven.answer("a", 1)
    assert (unclear.value.problems[0].path, unclear.value.problems[0].hint) == (("interruptId",), "one of i1, i2")
    with pytest.raises(NotFound) as unknown:
        driven.answer("a", 1, interrupt_id="i3")
    assert unknown.value.path == ("interruptId",)
    with pytest.raises(ValidationFailed):
        driven.answer("a", "x", interrupt_id="i2")


def watching(*asked: WaitingFor) -> DrivenExecution:
    """A step `g` with a run `g.n1`, `g.n2`... inside for each wait; what the step waits for has ids."""
    driven = DrivenExecution(step("g")).claim()
    for number, wait in enumerate(asked, 1):
        path = f"g.n{number}"
        driven.do(c.Observe(event=StepStarted(at=START, step_id=path, attempt=1, kind="approval", watched=True)))
        driven.do(c.ChildRunDone(path=path, waiting_for=wait))
    driven.suspend("g", *(interrupt(f"i{number}", prompt=wait.prompt) for number, wait in enumerate(asked, 1)))
    return driven


@pytest.mark.parametrize("known", [True, False])
def test_an_interrupt_may_be_answered_by_the_run_inside_that_asked(*, known: bool) -> None:
    asked = [
        interrupt("i1") if known else WaitingFor(kind=WaitKind.APPROVAL, prompt="i1"),
        interrupt("i2") if known else WaitingFor(kind=WaitKind.APPROVAL, prompt="i2"),
    ]
    driven = watching(*asked)
    driven.do(c.Answer(path="g.n2", output=2))
    assert answers(driven, "g") == (("i2", 2),)
    with pytest.raises(InvalidState, match=r"g\.n2"):
        driven.do(c.Answer(path="g.n2", output=2))
    driven.do(c.Answer(path="g.n1", output=1))
    assert answers(driven, "g") == (("i2", 2), ("i1", 1))


def test_a_failure_as_answer_to_an_interrupt_fails_the_step() -> None:
    driven = watching(interrupt("i1"))
    driven.answer("g.n1", failure="no")
    assert (driven.status(), driven.failure.code) == (E.FAILED, "rejected")
    assert driven.statuses() == {"g": "FAILED", "g.n1": "CANCELLED"}


def test_a_signal_inside_of_a_step_is_answered_to_it_and_is_not_its_output() -> None:
    driven = DrivenExecution(step("g")).claim()
    driven.suspend("g", interrupt("i1"), interrupt("i2", kind=WaitKind.SIGNAL, signal="go", schema=NUMBER))
    with pytest.raises(ValidationFailed):
        driven.signal("go", "x")
    driven.signal("go", 5)
    assert answers(driven, "g") == (("i2", 5),)
    assert driven.running == {"g": 1}


def test_an_early_signal_inside_of_a_step_lets_it_go_on_at_once() -> None:
    driven = DrivenExecution(step("g")).claim()
    driven.signal("go", 5)
    driven.suspend("g", interrupt("i1", kind=WaitKind.SIGNAL, signal="go"))
    assert (driven.status(), next_due(driven.x)) == (E.RUNNING, START)
    driven.advance()
    assert (answers(driven, "g"), driven.running) == ((("i1", 5),), {"g": 1})


def test_the_end_of_a_child_inside_of_a_step_is_answered_to_it() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.suspend("a", interrupt("i1", kind=WaitKind.CHILD, execution_id="ex_2"))
    driven.do(ended(E.SUCCEEDED, output=7))
    driven.claim()
    assert (answers(driven, "a"), driven.running) == ((("i1", 7),), {"a": 1})


def test_a_child_may_name_the_run_inside_of_a_step_that_started_it() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.do(c.Observe(event=StepStarted(at=START, step_id="a.node", attempt=1, kind="child", watched=True)))
    driven.suspend("a", interrupt("i1", kind=WaitKind.CHILD, execution_id="ex_2"))
    driven.do(c.ChildEnded(path="a.node", child_id="ex_2", status=E.FAILED))
    driven.claim()
    assert (driven.status(), driven.failure.code, driven.failure.step_id) == (E.FAILED, "child_failed", "a")


def test_an_interrupt_that_nobody_answered_goes_on_with_null_where_it_may() -> None:
    driven = DrivenExecution(step("g")).claim()
    until = START + timedelta(seconds=5)
    driven.suspend(
        "g", interrupt("i1", until=until, on_timeout="continue"), interrupt("i2", until=until + timedelta(1))
    )
    driven.advance(5)
    assert (answers(driven, "g"), driven.running) == ((("i1", None),), {"g": 1})


def test_a_step_that_suspends_itself_for_nothing_has_failed() -> None:
    driven = DrivenExecution(step("a", retry={"max_attempts": 3})).claim()
    driven.suspend("a")
    assert (driven.status(), driven.failure.code) == (E.FAILED, "nothing_to_wait_for")


def test_where_several_waits_have_no_ids_the_first_that_ends_is_the_output() -> None:
    driven = DrivenExecution(step("a"), output="${ steps.a.output }").claim()
    driven.signal("go", 1)
    driven.suspend(
        "a",
        WaitingFor(kind=WaitKind.SIGNAL, signal="go"),
        WaitingFor(kind=WaitKind.TIMER, until=START),
    )
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, 1)


def test_a_waiting_step_survives_a_crash() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.suspend("a", interrupt("i1"))
    driven.crash()
    assert (driven.status(), driven.events(StepRetryScheduled)) == (E.WAITING, [])
    driven.answer("a", 1)
    driven.crash()
    driven.advance_to_next()
    assert answers(driven, "a") == (("i1", 1),)
