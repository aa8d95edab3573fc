"""What follows from a failed step: `on_error`, and the steps that handle failures."""

from engine.domain.events import StepSkipped
from engine.domain.status import ExecutionStatus
from tests.domain.driven_execution import DrivenExecution, step

E = ExecutionStatus
HANDLED = {"step": "h"}


def test_a_failure_fails_the_execution_and_cancels_what_is_open() -> None:
    driven = DrivenExecution(step("a"), step("b", needs=[]), step("w", "signal", {"name": "x"}, needs=[])).claim()
    driven.err("a", "broken")
    assert driven.status() is E.FAILED
    assert driven.statuses() == {"a": "FAILED", "b": "CANCELLED", "w": "CANCELLED"}
    assert (driven.failure.code, driven.failure.step_id) == ("broken", "a")
    assert driven.names()[-1] == "ExecutionFailed"


def test_continue_goes_on_and_shows_the_failure_to_those_after_it() -> None:
    driven = DrivenExecution(
        step("a", on_error="continue"),
        step("b", "transform", {"value": "${ [steps.a.status, steps.a.failure.code, steps.a.output] }"}),
        output="${ steps.b.output }",
    ).claim()
    driven.err("a", "broken")
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, ["FAILED", "broken", None])
    assert (driven.x.state.done, driven.x.state.failed) == (2, 1)


def test_a_handler_runs_before_those_that_needed_the_failed_step() -> None:
    driven = DrivenExecution(
        step("a", on_error=HANDLED), step("b"), step("h", with_={"why": "${ steps.a.failure.message }"})
    ).claim()
    driven.err("a", "broken")
    assert list(driven.running) == ["h"]
    assert driven.x.inputs["h"] == {"why": "a is broken"}
    driven.done("h")
    assert list(driven.running) == ["b"]
    driven.done("b")
    assert driven.status() is E.SUCCEEDED


def test_a_handler_runs_only_when_no_attempt_is_left() -> None:
    driven = DrivenExecution(step("a", on_error=HANDLED, retry={"max_attempts": 2}), step("h")).claim()
    driven.err("a")
    driven.advance_to_next()
    assert driven.running == {"a": 2}
    driven.err("a")
    assert driven.running == {"h": 1}


def test_a_handler_that_is_not_needed_is_skipped_and_holds_nobody_up() -> None:
    driven = DrivenExecution(step("a", on_error=HANDLED), step("b"), step("h")).claim()
    driven.done("a")
    assert list(driven.running) == ["b"]
    (skipped,) = driven.events(StepSkipped)
    assert (skipped.step_id, skipped.reason) == ("h", "no step failed that would have run it")
    driven.done("b")
    assert driven.status() is E.SUCCEEDED


def test_a_handler_is_nobodys_step_above() -> None:
    driven = DrivenExecution(step("a", on_error=HANDLED), step("h"), step("b")).claim()
    driven.done("a")
    assert list(driven.running) == ["b"]


def test_a_handler_is_not_held_up_by_needs_of_its_own() -> None:
    driven = DrivenExecution(step("a", on_error=HANDLED), step("b", needs=["a"]), step("h", needs=["b"])).claim()
    driven.err("a")
    assert list(driven.running) == ["h"]
    driven.done("h")
    assert list(driven.running) == ["b"]


def test_a_handler_that_fails_fails_the_execution_with_its_failure() -> None:
    driven = DrivenExecution(step("a", on_error=HANDLED), step("b"), step("h")).claim()
    driven.err("a", "first")
    driven.err("h", "second")
    assert (driven.status(), driven.failure.code, driven.failure.step_id) == (E.FAILED, "second", "h")
    assert "b" not in driven.x.runs


def test_a_handler_that_fails_and_continues_lets_the_others_go_on() -> None:
    driven = DrivenExecution(step("a", on_error=HANDLED), step("b"), step("h", on_error="continue")).claim()
    driven.err("a")
    driven.err("h")
    assert list(driven.running) == ["b"]


def test_a_handler_whose_when_is_false_lets_the_others_go_on() -> None:
    driven = DrivenExecution(
        step("a", on_error=HANDLED), step("b"), step("h", when="${ steps.a.failure.code == 'worth it' }")
    ).claim()
    driven.err("a", "not worth it")
    assert (driven.statuses()["h"], list(driven.running)) == ("SKIPPED", ["b"])


def test_a_handler_shared_by_two_steps_runs_once() -> None:
    driven = DrivenExecution(
        step("a", needs=[], on_error=HANDLED),
        step("b", needs=[], on_error=HANDLED),
        step("after_a", needs=["a"]),
        step("after_b", needs=["b"]),
        step("h"),
    ).claim()
    driven.err("a")
    assert list(driven.running) == ["b", "h"]
    driven.err("b")
    assert list(driven.running) == ["h"]
    driven.done("h")
    assert list(driven.running) == ["after_a", "after_b"]
    assert driven.started().count("h") == 1


def test_a_shared_handler_is_skipped_only_when_all_its_callers_are_done() -> None:
    driven = DrivenExecution(
        step("a", needs=[], on_error=HANDLED), step("b", needs=[], on_error=HANDLED), step("h")
    ).claim()
    driven.done("a")
    assert "h" not in driven.x.runs
    driven.done("b")
    assert (driven.statuses()["h"], driven.status()) == ("SKIPPED", E.SUCCEEDED)


def test_a_handler_may_have_a_handler_which_is_waited_for_as_well() -> None:
    driven = DrivenExecution(
        step("a", on_error=HANDLED), step("b", needs=["a"]), step("h", on_error={"step": "hh"}), step("hh")
    ).claim()
    driven.err("a")
    driven.err("h")
    assert list(driven.running) == ["hh"]
    driven.done("hh")
    assert list(driven.running) == ["b"]
    driven.done("b")
    assert driven.status() is E.SUCCEEDED


def test_a_step_that_needs_a_handler_runs_only_after_a_failure() -> None:
    def workflow() -> DrivenExecution:
        return DrivenExecution(step("a", on_error=HANDLED), step("h"), step("tell", needs=["h"])).claim()

    driven = workflow()
    driven.done("a")
    assert (driven.statuses()["tell"], driven.status()) == ("SKIPPED", E.SUCCEEDED)
    driven = workflow()
    driven.err("a")
    driven.done("h")
    assert list(driven.running) == ["tell"]


def test_a_handler_in_the_defaults_handles_all_but_itself() -> None:
    driven = DrivenExecution(step("a"), step("b"), step("h"), defaults={"on_error": {"step": "h"}}).claim()
    driven.err("a")
    driven.err("h", "the handler")
    assert (driven.status(), driven.failure.code) == (E.FAILED, "the handler")


def test_inside_a_map_a_handler_handles_its_item_alone() -> None:
    driven = DrivenExecution(
        step("m", "map", {"items": [1, 2], "steps": [step("a", on_error=HANDLED), step("b"), step("h")]})
    ).claim()
    driven.err("m[0].a")
    driven.done("m[1].a")
    assert list(driven.running) == ["m[0].h", "m[1].b"]
    assert driven.statuses()["m[1].h"] == "SKIPPED"


def test_a_failure_keeps_the_details_and_the_place_it_came_with() -> None:
    details = {"code": "out_of_stock", "message": "none left", "details": {"sku": 7}}
    driven = DrivenExecution(step("m", "map", {"items": [1], "steps": [step("f", "fail", details)]})).claim()
    failure = driven.failure
    assert (failure.code, failure.message, failure.details, failure.step_id) == (
        "out_of_stock",
        "none left",
        {"sku": 7},
        "m[0].f",
    )
