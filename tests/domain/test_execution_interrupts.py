"""Steps that suspend themselves while they run: for a child execution, or at interrupts, and go on with the answers."""

from datetime import timedelta
from typing import Any

import pytest

from engine.domain.errors import InvalidState, NotFound, ValidationFailed
from engine.domain.events import StepRetryScheduled, StepStarted
from engine.domain.execution import commands as c
from engine.domain.execution import next_due
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind
from engine.domain.waiting import WaitingFor, WaitKind
from tests.domain.driven_execution import START, DrivenExecution, step

E = ExecutionStatus
NUMBER = {"type": "integer"}


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
