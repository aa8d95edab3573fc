"""Maps and loops: frames begin in order and within limits, and their outputs are gathered."""

from typing import Any

import pytest

from engine.domain.events import ItemEnded, StepFailed, StepStarted
from engine.domain.status import ExecutionStatus
from tests.domain.driven_execution import DrivenExecution, loop, over, step

E = ExecutionStatus
OUT = "${ steps.m.output }"


# ------------------------------------------------------------------ maps


def test_the_output_of_a_map_is_in_the_order_of_its_items() -> None:
    driven = DrivenExecution(over("m", "${ input.items }", step("x")), output=OUT, input={"items": [1, 2, 3]}).claim()
    for index in (2, 0, 1):
        driven.done(f"m[{index}].x", f"out {index}")
    assert driven.x.state.output == ["out 0", "out 1", "out 2"]


def test_steps_inside_see_item_index_outer_steps_and_each_other() -> None:
    inner = [
        step("x", with_={"see": "${ [item.n, index, steps.a.output] }"}),
        step("y", with_={"x": "${ steps.x.output }"}),
    ]
    driven = DrivenExecution(step("a"), over("m", [{"n": 7}], *inner)).claim()
    driven.done("a", "outer")
    assert driven.x.inputs["m[0].x"] == {"see": [7, 0, "outer"]}
    driven.done("m[0].x", "inner")
    assert driven.x.inputs["m[0].y"] == {"x": "inner"}


def test_at_most_so_many_items_are_under_way_and_they_begin_in_order() -> None:
    driven = DrivenExecution(over("m", list(range(5)), step("x"), step("y"), concurrency=2)).claim()
    assert list(driven.running) == ["m[0].x", "m[1].x"]
    driven.done("m[1].x")
    assert list(driven.running) == ["m[0].x", "m[1].y"]
    driven.done("m[1].y")
    assert list(driven.running) == ["m[0].x", "m[2].x"]
    assert driven.x.runs["m"].fan is not None
    assert (driven.x.runs["m"].fan.begun, driven.x.runs["m"].fan.done) == (3, 1)


def test_an_empty_map_succeeds_at_once() -> None:
    driven = DrivenExecution(over("m", [], step("x")), output=OUT).claim()
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, [])


def test_items_are_what_they_were_when_the_map_began() -> None:
    driven = DrivenExecution(
        over("m", "${ input.items }", step("x"), concurrency=1), input={"items": ["p", "q"]}
    ).claim()
    (started, _) = driven.events(StepStarted)
    assert (started.input["items"], started.fan_total) == (["p", "q"], 2)


def test_a_failed_item_fails_the_map_and_cancels_the_others() -> None:
    driven = DrivenExecution(
        over("m", [1, 2, 3], step("x"), step("z", needs=[]), concurrency=2, on_error="continue")
    ).claim()
    driven.err("m[1].x", "broken")
    assert driven.statuses() == {
        "m": "FAILED",
        "m[0].x": "CANCELLED",
        "m[0].z": "CANCELLED",
        "m[1].x": "FAILED",
        "m[1].z": "CANCELLED",
    }
    run = driven.x.runs["m"]
    assert run.failure is not None
    assert (run.failure.code, run.failure.step_id, driven.status(), driven.x.frames) == (
        "broken",
        "m[1].x",
        E.SUCCEEDED,
        {},
    )


def test_with_continue_a_failed_item_is_null_in_its_place() -> None:
    driven = DrivenExecution(
        over("m", [1, 2], step("x"), step("y"), step("z", needs=[]), on_item_error="continue"), output=OUT
    ).claim()
    driven.done("m[0].z", "kept")
    driven.err("m[0].x")
    for path in ("m[1].x", "m[1].z", "m[1].y"):
        driven.done(path, path)
    assert driven.x.state.output == [None, "m[1].z"]
    assert [event.failed for event in driven.events(ItemEnded)] == [True, False]


def test_an_item_that_failed_is_null_though_its_last_step_succeeded() -> None:
    driven = DrivenExecution(
        over("m", [1], step("x"), step("z", needs=[]), on_item_error="continue"), output=OUT
    ).claim()
    driven.done("m[0].z", "done")
    driven.err("m[0].x")
    assert driven.x.state.output == [None]


def test_a_failed_item_of_many_is_gone_on_from_in_the_same_decision() -> None:
    inner = step("x", "fail", {"message": "no"})
    driven = DrivenExecution(
        over("m", list(range(50)), inner, on_item_error="continue", concurrency=3), output=OUT
    ).claim()
    assert driven.x.state.output == [None] * 50
    assert driven.x.runs["m"].fan is not None
    assert driven.x.runs["m"].fan.failed == 50


def test_two_items_that_fail_in_one_decision_fail_the_map_once() -> None:
    driven = DrivenExecution(over("m", [1, 2], step("x", timeout="5s"))).claim()
    driven.advance(5)
    assert [event.step_id for event in driven.events(StepFailed)] == ["m[0].x", "m[1].x", "m"]
    assert [event.index for event in driven.events(ItemEnded)] == [0]
    assert driven.failure.step_id == "m[0].x"


def test_an_item_goes_on_nowhere_after_another_failed_in_the_same_decision() -> None:
    choice = step("x", "fail", {"message": "no"}, when="${ item == 0 }")
    driven = DrivenExecution(
        over("m", [0, 1], choice, step("y", needs=["x"], join="always"), on_error="continue"), step("end", needs=["m"])
    ).claim()
    assert driven.started() == ["m", "m[0].x", "end"]


def test_the_output_of_an_item_is_what_its_template_gives() -> None:
    driven = DrivenExecution(
        over("m", [1, 2], step("x"), output={"item": "${ item }", "x": "${ steps.x.output }"}), output=OUT
    ).claim()
    driven.done("m[0].x", "a")
    driven.done("m[1].x", "b")
    assert driven.x.state.output == [{"item": 1, "x": "a"}, {"item": 2, "x": "b"}]


def test_a_template_that_gives_null_is_not_replaced_by_the_last_output() -> None:
    driven = DrivenExecution(over("m", [1], step("x"), output="${ steps.x.output.y }"), output=OUT).claim()
    driven.done("m[0].x", {"y": None})
    assert driven.x.state.output == [None]


def test_a_template_that_cannot_be_rendered_fails_its_item() -> None:
    driven = DrivenExecution(over("m", [1], step("x"), output="${ steps.x.output.y }")).claim()
    driven.done("m[0].x", {})
    assert (driven.status(), driven.failure.code, driven.failure.step_id) == (E.FAILED, "expression_failed", "m")


def test_without_a_template_an_item_that_skipped_its_last_step_is_null() -> None:
    driven = DrivenExecution(over("m", [1, 2], step("x"), step("y", when="${ item == 2 }")), output=OUT).claim()
    driven.done("m[0].x", "x0")
    driven.done("m[1].x", "x1")
    driven.done("m[1].y", "y1")
    assert driven.x.state.output == [None, "y1"]


def test_when_and_skips_inside_an_item_concern_that_item_alone() -> None:
    driven = DrivenExecution(over("m", [1, 2], step("x", when="${ item == 1 }"), step("y"))).claim()
    assert driven.statuses() == {"m": "RUNNING", "m[0].x": "RUNNING", "m[1].x": "SKIPPED", "m[1].y": "SKIPPED"}


def test_maps_nest() -> None:
    inner = over("n", "${ item }", step("x", with_={"see": "${ [item, index] }"}), output="${ item + steps.x.output }")
    driven = DrivenExecution(over("m", [[1, 2], [], [3]], inner), output=OUT).claim()
    assert list(driven.running) == ["m[0].n[0].x", "m[0].n[1].x", "m[2].n[0].x"]
    assert driven.x.inputs["m[0].n[1].x"] == {"see": [2, 1]}
    for path in list(driven.running):
        driven.done(path, 10)
    assert driven.x.state.output == [[11, 12], [], [13]]
    assert driven.x.frames == {}


def test_a_failed_inner_map_fails_only_its_item_of_the_outer_one() -> None:
    inner = over("n", "${ item }", step("x"))
    driven = DrivenExecution(over("m", [[1, 2], [3]], inner, on_item_error="continue"), output=OUT).claim()
    driven.err("m[0].n[0].x")
    assert driven.statuses()["m[0].n[1].x"] == "CANCELLED"
    driven.done("m[1].n[0].x", 1)
    assert driven.x.state.output == [None, [1]]


def test_a_map_inside_a_map_that_is_cancelled_takes_its_items_along() -> None:
    inner = over("n", [1, 2], step("x"))
    driven = DrivenExecution(over("m", [1], step("bad"), step("b", needs=[]), {**inner, "needs": []})).claim()
    driven.err("m[0].bad")
    assert {driven.statuses()[f"m[0].n[{n}].x"] for n in range(2)} == {"CANCELLED"}
    assert (driven.statuses()["m[0].n"], driven.status(), driven.x.open) == ("CANCELLED", E.FAILED, {})


def test_a_when_that_fails_in_every_item_is_dealt_with_in_pieces() -> None:
    inner = step("x", when="${ input.missing }")
    driven = DrivenExecution(over("m", list(range(500)), inner, on_item_error="continue", concurrency=1000)).claim()
    assert driven.status() is E.SUCCEEDED
    assert driven.commits > 2


def test_a_map_goes_on_after_a_crash_with_the_same_items() -> None:
    driven = DrivenExecution(
        over("m", "${ input.items }", step("x"), concurrency=1), output=OUT, input={"items": ["p", "q"]}
    )
    driven.claim()
    driven.done("m[0].x", 1)
    driven.crash()
    driven.advance_to_next()
    driven.done("m[1].x", 2)
    assert driven.x.state.output == [1, 2]
    assert driven.launched == [("m[0].x", 1), ("m[1].x", 1), ("m[1].x", 1)]


# ------------------------------------------------------------------ loops


def rounds(*steps: Any, **fields: Any) -> DrivenExecution:
    return DrivenExecution(loop("l", *steps, **fields), output="${ steps.l.output }").claim()


def test_a_loop_repeats_until_its_condition_holds_after_a_round() -> None:
    driven = rounds(step("x"), until="${ steps.x.output >= 3 }")
    for index, output in enumerate([1, 2, 3]):
        assert list(driven.running) == [f"l[{index}].x"]
        driven.done(f"l[{index}].x", output)
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, 3)


def test_a_loop_ends_after_max_rounds_with_the_last_rounds_output() -> None:
    driven = rounds(step("x"), max_rounds=2)
    driven.done("l[0].x", "first")
    driven.done("l[1].x", "second")
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, "second")


def test_a_round_sees_its_index_and_the_output_of_the_last_round() -> None:
    driven = rounds(step("x", with_={"see": "${ [loop.index, loop.last] }"}), step("y"), max_rounds=2)
    assert driven.x.inputs["l[0].x"] == {"see": [0, None]}
    driven.done("l[0].x")
    driven.done("l[0].y", "last")
    assert driven.x.inputs["l[1].x"] == {"see": [1, "last"]}


def test_the_output_of_a_round_is_what_its_template_gives_also_for_the_next_round() -> None:
    driven = rounds(
        step("x", "transform", {"value": "${ loop.index == 0 ? 1 : loop.last.sum + loop.index }"}),
        max_rounds=4,
        output={"sum": "${ steps.x.output }"},
    )
    assert driven.x.state.output == {"sum": 7}


def test_until_may_ask_for_the_round_and_what_came_before() -> None:
    driven = rounds(
        step("x", "transform", {"value": "${ loop.index }"}), until="${ loop.last == 3 && loop.index == 4 }"
    )
    assert driven.x.state.output == 4


def test_a_failed_round_fails_the_loop() -> None:
    driven = rounds(step("x"), max_rounds=3)
    driven.done("l[0].x")
    driven.err("l[1].x", "broken")
    assert (driven.status(), driven.failure.code, driven.failure.step_id) == (E.FAILED, "broken", "l[1].x")
    assert driven.statuses() == {"l": "FAILED", "l[0].x": "SUCCEEDED", "l[1].x": "FAILED"}


@pytest.mark.parametrize("until", ["${ steps.x.output.missing }", "${ steps.x.output }"])
def test_an_until_that_cannot_be_told_fails_the_loop(until: str) -> None:
    driven = rounds(step("x"), until=until)
    driven.done("l[0].x", {})
    assert (driven.status(), driven.failure.code, driven.failure.step_id) == (E.FAILED, "expression_failed", "l")
    assert driven.failure.message.startswith("until: ")


def test_a_loop_inside_a_map_counts_for_each_item() -> None:
    inner = loop("l", step("x", with_={"see": "${ [item, loop.index] }"}), max_rounds=2)
    driven = DrivenExecution(over("m", ["p", "q"], inner), output=OUT).claim()
    driven.done("m[1].l[0].x")
    assert driven.x.inputs["m[1].l[1].x"] == {"see": ["q", 1]}
    driven.done("m[1].l[1].x", "q1")
    driven.done("m[0].l[0].x")
    driven.done("m[0].l[1].x", "p1")
    assert driven.x.state.output == ["p1", "q1"]


def test_a_long_loop_is_cut_into_bounded_decisions() -> None:
    driven = rounds(step("x", "transform", {"value": "${ loop.index }"}), max_rounds=500)
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, 499)
    assert driven.commits == 6
