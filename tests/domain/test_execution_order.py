"""When steps start: by readiness, without barriers; `join`, `when`, and what is skipped."""

import pytest

from engine.domain.events import ExecutionFailed, StepSkipped
from engine.domain.status import ExecutionStatus
from tests.domain.driven_execution import DrivenExecution, JsonObject, step

E = ExecutionStatus


def test_without_needs_a_step_needs_the_step_above_it() -> None:
    driven = DrivenExecution(step("a"), step("b"), step("c")).claim()
    assert list(driven.running) == ["a"]
    driven.done("a")
    assert list(driven.running) == ["b"]
    driven.done("b")
    driven.done("c")
    assert driven.status() is E.SUCCEEDED


def test_with_empty_needs_a_step_starts_at_once() -> None:
    driven = DrivenExecution(step("a"), step("b", needs=[]), step("c", needs=[])).claim()
    assert list(driven.running) == ["a", "b", "c"]


def test_a_step_starts_when_its_own_needs_are_done_whatever_else_runs() -> None:
    driven = DrivenExecution(
        step("a"), step("slow", needs=["a"]), step("quick", needs=["a"]), step("after", needs=["quick"])
    ).claim()
    driven.done("a")
    driven.done("quick")
    assert list(driven.running) == ["slow", "after"]


def test_an_approval_in_one_branch_holds_no_other_branch() -> None:
    driven = DrivenExecution(
        step("ask", "approval", {"prompt": "?"}, needs=[]),
        step("a", needs=[]),
        step("b"),
        step("end", needs=["ask", "b"]),
    ).claim()
    driven.done("a")
    driven.done("b")
    assert driven.status() is E.WAITING
    driven.answer("ask")
    assert list(driven.running) == ["end"]


def test_a_step_starts_in_the_same_decision_as_its_predecessors_end() -> None:
    driven = DrivenExecution(step("a"), step("b")).claim()
    assert [type(event).__name__ for event in driven.done("a")] == ["StepSucceeded", "StepStarted"]


def test_the_output_of_a_step_is_seen_by_those_after_it() -> None:
    driven = DrivenExecution(
        step("a"),
        step("b", with_={"got": "${ steps.a.output.n + 1 }", "status": "${ steps.a.status }"}),
        output={"b": "${ steps.b.output }"},
    ).claim()
    driven.done("a", {"n": 1})
    assert driven.x.inputs["b"] == {"got": 2, "status": "SUCCEEDED"}
    driven.done("b", "end")
    assert driven.x.state.output == {"b": "end"}


def test_what_a_step_was_given_is_dropped_from_memory_when_it_is_done() -> None:
    driven = DrivenExecution(step("a", with_={"x": 1}), step("b")).claim()
    assert driven.x.inputs == {"a": {"x": 1}}
    driven.done("a")
    assert driven.x.inputs == {"b": {}}


# ------------------------------------------------------------------ when


@pytest.mark.parametrize("when", [False, "false", "${ input.n > 1 }"])
def test_a_step_whose_when_is_false_is_skipped_with_a_null_output(*, when: str | bool) -> None:
    driven = DrivenExecution(step("a", when=when), output="${ steps.a.output }", input={"n": 1}).claim()
    assert driven.statuses() == {"a": "SKIPPED"}
    assert (driven.status(), driven.x.state.output, driven.launched) == (E.SUCCEEDED, None, [])


def test_when_is_asked_only_after_the_needs_are_done() -> None:
    driven = DrivenExecution(step("a"), step("b", when="${ steps.a.output }")).claim()
    driven.done("a", output=True)
    assert list(driven.running) == ["b"]


@pytest.mark.parametrize("when", ["${ input.missing.deeper }", "${ 1 + 1 }"])
def test_a_when_that_cannot_be_told_fails_the_step_for_good(when: str) -> None:
    driven = DrivenExecution(step("a", when=when, retry={"max_attempts": 3})).claim()
    assert driven.status() is E.FAILED
    assert (driven.failure.code, driven.failure.step_id, driven.failure.retryable) == ("expression_failed", "a", False)
    assert driven.launched == []


def test_a_with_that_cannot_be_rendered_fails_the_step_before_it_runs() -> None:
    driven = DrivenExecution(step("a", with_={"x": "${ input.missing }"}, retry={"max_attempts": 3})).claim()
    assert (driven.status(), driven.failure.code, driven.launched) == (E.FAILED, "expression_failed", [])
    assert driven.failure.details == {"path": ["x"], "expression": "input.missing"}


def test_a_rendered_with_that_does_not_fit_its_kind_fails_the_step() -> None:
    driven = DrivenExecution(step("a", "sleep", {"for": "${ input.n }"}), input={"n": "soon"}).claim()
    assert (driven.status(), driven.failure.code) == (E.FAILED, "invalid_with")
    assert driven.failure.message.startswith("with.for: ")


def test_an_output_of_the_workflow_that_cannot_be_rendered_fails_the_execution() -> None:
    driven = DrivenExecution(step("a"), output="${ steps.a.output.missing }").claim()
    driven.done("a", {})
    assert (driven.status(), driven.failure.code) == (E.FAILED, "expression_failed")
    assert driven.failure.message.startswith("output: ")


# ------------------------------------------------------------------ join


def branches(join: str | None, **when: bool) -> DrivenExecution:
    """Two branches `a` and `b`, and `end` that joins them."""
    sides = [step(side, needs=[], when=when.get(side, True)) for side in "ab"]
    fields: JsonObject = {"join": join} if join else {}
    return DrivenExecution(*sides, step("end", needs=["a", "b"], **fields)).claim()


def test_all_waits_for_all() -> None:
    driven = branches(None)
    driven.done("b")
    assert "end" not in driven.x.runs
    driven.done("a")
    assert list(driven.running) == ["end"]


def test_all_starts_when_at_least_one_was_not_skipped() -> None:
    driven = branches("all", a=False)
    driven.done("b")
    assert list(driven.running) == ["end"]


def test_all_is_skipped_when_all_were_skipped_so_that_a_branch_needs_its_when_once() -> None:
    driven = DrivenExecution(step("a", when=False), step("b"), step("c"), step("other", needs=[])).claim()
    assert driven.statuses() == {"a": "SKIPPED", "b": "SKIPPED", "c": "SKIPPED", "other": "RUNNING"}
    assert {event.reason for event in driven.events(StepSkipped)} == {
        "`when` is false",
        "all the steps it needs were skipped",
    }


def test_any_starts_at_the_first_that_is_done() -> None:
    driven = branches("any")
    driven.done("b")
    assert list(driven.running) == ["a", "end"]


def test_any_does_not_start_at_a_step_that_was_skipped() -> None:
    driven = branches("any", a=False)
    assert list(driven.running) == ["b"]
    driven.done("b")
    assert list(driven.running) == ["end"]


def test_any_is_skipped_when_all_were_skipped() -> None:
    assert branches("any", a=False, b=False).statuses()["end"] == "SKIPPED"


def test_the_losers_of_any_run_on_are_recorded_and_start_nothing_again() -> None:
    driven = branches("any")
    driven.done("b")
    driven.done("end")
    assert driven.status() is E.RUNNING
    driven.done("a", "late")
    assert driven.x.values["a"] == "late"
    assert (driven.started().count("end"), driven.status()) == (1, E.SUCCEEDED)


def test_a_loser_of_any_that_fails_fails_the_execution_like_any_step() -> None:
    driven = branches("any")
    driven.done("b")
    driven.err("a")
    assert driven.status() is E.FAILED
    assert driven.statuses()["end"] == "CANCELLED"


def test_always_starts_when_all_are_done_skipped_or_not() -> None:
    assert list(branches("always", a=False, b=False).running) == ["end"]
    driven = branches("always", a=False)
    assert list(driven.running) == ["b"]
    driven.done("b")
    assert list(driven.running) == ["end"]


@pytest.mark.parametrize("join", ["all", "any", "always"])
def test_a_failure_that_is_continued_counts_as_done(join: str) -> None:
    driven = DrivenExecution(step("a", on_error="continue"), step("end", join=join)).claim()
    driven.err("a")
    assert list(driven.running) == ["end"]


# ------------------------------------------------------------------ what ends in one decision


def test_a_failure_counts_though_another_step_ends_before_it_in_the_same_decision() -> None:
    driven = DrivenExecution(
        step("a", "transform", {"value": 1}), step("b", "fail", {"message": "no"}, needs=[])
    ).claim()
    assert driven.status() is E.FAILED
    assert driven.statuses() == {"a": "SUCCEEDED", "b": "FAILED"}


def test_the_failure_that_came_first_is_the_executions() -> None:
    driven = DrivenExecution(*(step(name, "fail", {"message": name}, needs=[]) for name in "ab")).claim()
    assert driven.failure.message == "a"
    assert len(driven.events(ExecutionFailed)) == 1


def test_nothing_starts_after_a_step_that_failed_in_the_same_decision() -> None:
    driven = DrivenExecution(step("a", when="${ input.missing }"), step("b")).claim()
    assert driven.started() == []


def test_a_chain_of_steps_that_are_decided_on_the_spot_takes_one_decision() -> None:
    chain = [step(f"s{n}", "transform", {"value": n}) for n in range(50)]
    driven = DrivenExecution(*chain).claim()
    assert (driven.status(), driven.commits) == (E.SUCCEEDED, 1)


def test_a_step_named_compensate_is_a_step_like_any_other() -> None:
    driven = DrivenExecution(
        step("bad", "fail", {"message": "no"}, needs=[]), step("compensate", "transform", {"value": 1}, needs=[])
    ).claim()
    assert (driven.status(), driven.failure.details) == (E.FAILED, None)
    assert driven.statuses()["compensate"] == "SUCCEEDED"
