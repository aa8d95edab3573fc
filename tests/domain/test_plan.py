"""Plans: who needs whom, which policies hold, and which step a path names."""

from datetime import timedelta

import pytest

from engine.domain.paths import enclosing, frame_of, frames, segments, split_frame, within
from engine.domain.plan import Node
from tests.domain.driven_execution import loop, over, plan_of, step

HANDLED = {"step": "h"}


def node(*steps: dict[str, object], at: str, **definition: object) -> Node:
    return plan_of(steps, **definition).node(at)


def test_needs_that_are_not_written_are_the_step_above() -> None:
    plan = plan_of([step("a"), step("b"), step("c", needs=[])])
    assert [node.needs for node in plan.steps.nodes.values()] == [(), ("a",), ()]
    assert plan.steps.dependents == {"a": ("b",), "b": (), "c": ()}
    assert plan.steps.last.id == "c"


def test_a_handler_knows_its_callers_and_has_no_needs() -> None:
    handler = node(step("a", on_error=HANDLED), step("b"), step("h"), at="h")
    assert (handler.callers, handler.needs) == (("a",), ())


def test_behind_a_handler_come_those_that_wait_for_its_callers() -> None:
    plan = plan_of([step("a", on_error=HANDLED), step("b", needs=["a"]), step("h")])
    assert plan.steps.dependents == {"a": ("b", "h"), "b": (), "h": ("b",)}


def test_behind_a_chain_of_handlers_come_those_that_wait_for_its_first_caller() -> None:
    plan = plan_of(
        [step("a", on_error=HANDLED), step("b", needs=["a"]), step("h", on_error={"step": "hh"}), step("hh")]
    )
    assert plan.steps.dependents["hh"] == ("b",)


def test_defaults_hold_where_a_step_says_nothing() -> None:
    defaults = {"timeout": "1m", "retry": {"max_attempts": 3}, "on_error": "continue", "lane": "slow"}
    steps = [step("a"), step("b", timeout="5s", retry={"max_attempts": 1}, on_error="fail", lane="fast")]
    a, b = (node(*steps, at=name, defaults=defaults) for name in "ab")
    assert (a.timeout, a.retry.max_attempts, a.continue_on_error, a.lane) == (timedelta(minutes=1), 3, True, "slow")
    assert (b.timeout, b.retry.max_attempts, b.continue_on_error, b.lane) == (timedelta(seconds=5), 1, False, "fast")


def test_a_handler_in_the_defaults_does_not_handle_itself() -> None:
    plan = plan_of([step("a"), step("h")], defaults={"on_error": {"step": "h"}})
    assert (plan.node("a").handler, plan.node("h").handler) == ("h", None)


def test_a_compensation_takes_the_defaults_but_for_what_handles_failures() -> None:
    undone = step("a", compensate={"kind": "task", "retry": {"max_attempts": 2}})
    undo = node(undone, at="a.compensate", defaults={"timeout": "1m", "on_error": "continue"})
    assert (undo.compensates, undo.timeout, undo.retry.max_attempts) == (True, timedelta(minutes=1), 2)
    assert not undo.continue_on_error


def test_a_map_is_not_tried_again_as_a_whole() -> None:
    whole = node(over("m", [1], step("x"), retry={"max_attempts": 3}), at="m")
    assert whole.composite
    assert whole.retry.max_attempts == 1


UNDO = {"kind": "task"}
NESTED = plan_of(
    [
        step("a", compensate=UNDO),
        over("m", [1], step("x", compensate=UNDO), loop("l", step("compensate", compensate=UNDO)), compensate=UNDO),
        step("compensate"),
    ]
)


@pytest.mark.parametrize(
    ("path", "step_id", "compensates"),
    [
        ("a", "a", False),
        ("a.compensate", "compensate", True),
        ("compensate", "compensate", False),
        ("m[3].x", "x", False),
        ("m[3].x.compensate", "compensate", True),
        ("m[3].l[0].compensate", "compensate", False),
        ("m[3].l[0].compensate.compensate", "compensate", True),
        ("m.compensate", "compensate", True),
    ],
)
def test_a_path_names_a_step_or_a_compensation(path: str, step_id: str, *, compensates: bool) -> None:
    found = NESTED.find(path)
    assert found is not None
    assert (found.id, found.compensates) == (step_id, compensates)
    assert NESTED.node(path) is found


@pytest.mark.parametrize(
    "path",
    ["", "b", "a.b", "m[3]", "m.x", "m[3].y", "a[0].x", "compensate.compensate", "a.compensate.compensate", "b.c.d"],
)
def test_a_path_that_names_no_step_finds_nothing(path: str) -> None:
    assert NESTED.find(path) is None
    with pytest.raises(KeyError):
        NESTED.node(path)


def test_a_frame_runs_the_steps_of_its_owner() -> None:
    assert list(NESTED.steps_at("").nodes) == ["a", "m", "compensate"]
    assert list(NESTED.steps_at("m[7]").nodes) == ["x", "l"]
    assert list(NESTED.steps_at("m[7].l[0]").nodes) == ["compensate"]


def test_paths_are_taken_apart() -> None:
    path = "m[3].l[0].x"
    assert (frame_of(path), within("m[3].l[0]", "x"), within("", "x")) == ("m[3].l[0]", path, "x")
    assert (split_frame("m[3].l[0]"), split_frame("m"), split_frame("g.node[2].x")) == (("m[3].l", 0), None, None)
    assert (segments(path), frames(path)) == (("m", "l", "x"), ["m[3].l[0]", "m[3]", ""])
    assert list(enclosing("m[3].g.node")) == ["m[3].g", "m[3]", "m"]
    assert list(enclosing(path)) == ["m[3].l[0]", "m[3].l", "m[3]", "m"]
