"""The names that expressions see, and what they mean where."""

from datetime import timedelta

import pytest

from engine.domain.execution.scope import scope_of
from tests.domain.driven_execution import START, DrivenExecution, loop, over, step


def test_an_expression_sees_the_execution_and_its_input() -> None:
    seen = {
        "id": "${ execution.id }",
        "workflow": "${ execution.workflow }",
        "version": "${ execution.version }",
        "created": "${ execution.createdAt }",
        "label": "${ execution.labels.team }",
        "n": "${ input.n }",
    }
    driven = DrivenExecution(step("a", with_=seen), input={"n": 1}, queued={"labels": {"team": "x"}}).claim()
    assert driven.x.inputs["a"] == {
        "id": "ex_1",
        "workflow": "test",
        "version": 1,
        "created": "2026-01-01T00:00:00.000000Z",
        "label": "x",
        "n": 1,
    }


def test_now_is_the_time_of_the_decision_so_that_replays_agree() -> None:
    driven = DrivenExecution(step("a"), step("b", with_={"at": "${ string(now()) }"})).claim()
    driven.now = START + timedelta(seconds=90)
    driven.done("a")
    assert driven.x.inputs["b"] == {"at": "2026-01-01T00:01:30Z"}
    assert driven.fold().inputs == driven.x.inputs


def test_an_expression_sees_of_each_step_its_output_status_failure_and_attempt() -> None:
    driven = DrivenExecution(
        step("a", on_error="continue", retry={"max_attempts": 2}), step("b", when=False), step("c", needs=["a", "b"])
    ).claim()
    driven.err("a")
    driven.advance_to_next()
    driven.err("a", "broken")
    steps = scope_of(driven.x, "", driven.now)["steps"]
    assert {name: steps["a"][name] for name in ("output", "status", "attempt")} == {
        "output": None,
        "status": "FAILED",
        "attempt": 2,
    }
    assert steps["a"]["failure"]["code"] == "broken"
    assert (steps["b"]["status"], steps["b"]["output"], steps["b"]["failure"]) == ("SKIPPED", None, None)
    assert (list(steps), len(steps)) == (["a", "b", "c"], 3)
    with pytest.raises(KeyError):
        steps["nowhere"]


def test_an_inner_step_hides_an_outer_one_of_the_same_name() -> None:
    inner = [step("a"), step("b", with_={"a": "${ steps.a.output }", "z": "${ steps.z.output }"})]
    driven = DrivenExecution(
        step("a"), step("z"), over("m", [1], *inner), step("end", with_={"a": "${ steps.a.output }"})
    )
    driven.claim()
    for path, output in (("a", "outer"), ("z", "far"), ("m[0].a", "inner")):
        driven.done(path, output)
    assert driven.x.inputs["m[0].b"] == {"a": "inner", "z": "far"}
    driven.done("m[0].b")
    assert driven.x.inputs["end"] == {"a": "outer"}
    assert list(scope_of(driven.x, "m[0]", driven.now)["steps"]) == ["a", "b", "z", "m", "end"]


def test_in_nested_frames_the_innermost_item_counts_and_the_round_of_the_loop_around_is_seen() -> None:
    leaf = step("x", with_={"see": "${ [item, index, loop.index] }"})
    driven = DrivenExecution(over("m", ["outer"], loop("l", over("n", ["inner"], leaf), max_rounds=1))).claim()
    assert driven.x.inputs["m[0].l[0].n[0].x"] == {"see": ["inner", 0, 0]}
