"""The form in which definitions are saved."""

from copy import deepcopy
from typing import Any

from engine.domain.canonical import canonical, checksum
from tests.domain.step_kinds import KINDS, step, workflow


def needs(document: Any) -> dict[str, Any]:
    return {entry["id"]: entry["needs"] for entry in canonical(document, KINDS)["steps"]}


def test_a_step_needs_the_one_above_unless_it_says_otherwise() -> None:
    document = workflow(step("a"), step("b"), step("c", needs=[]), step("d", needs=["a"]), step("e", needs=None))
    assert needs(document) == {"a": [], "b": ["a"], "c": [], "d": ["a"], "e": ["d"]}


def test_a_handler_needs_nothing_and_is_not_the_step_above() -> None:
    document = workflow(
        step("h"), step("a", on_error={"step": "h"}), step("g", needs=["a"]), step("b", on_error={"step": "g"})
    )
    assert needs(document) == {"h": [], "a": [], "g": ["a"], "b": ["a"]}


def test_a_handler_named_in_the_defaults_is_a_handler() -> None:
    document = workflow(step("a"), step("h"), step("b"), defaults={"on_error": {"step": "h"}})
    assert needs(document) == {"a": [], "h": [], "b": ["a"]}


def test_nested_lists_are_written_out_too() -> None:
    inner = step(
        "m",
        "map",
        with_={"items": [], "steps": [step("x"), step("n", "loop", with_={"steps": [step("y"), step("z")]})]},
    )
    written = canonical(workflow(step("a"), inner), KINDS)["steps"][1]["with"]["steps"]
    assert [entry["needs"] for entry in written] == [[], ["x"]]
    assert [entry["needs"] for entry in written[1]["with"]["steps"]] == [[], ["y"]]


def test_all_else_is_left_and_the_original_is_not_changed() -> None:
    document = workflow(step("a", title="A", unknown=1), step("b"), labels={"x": "y"})
    before = deepcopy(document)
    written = canonical(document, KINDS)
    assert document == before
    for entry in written["steps"]:
        entry.pop("needs")
    assert written == before


def test_what_is_already_canonical_stays_the_same() -> None:
    written = canonical(workflow(step("a"), step("b", on_error={"step": "h"}), step("h"), step("c")), KINDS)
    assert canonical(written, KINDS) == written


def test_what_is_not_valid_is_left_for_validation() -> None:
    document = {
        "name": "x",
        "steps": [5, {"id": 5}, {"id": "a", "kind": "nope", "needs": 3}, {"id": "b", "kind": "map", "with": 5}],
    }
    assert canonical(document, KINDS)["steps"][2]["needs"] == 3


def test_the_checksum_does_not_depend_on_the_order_of_keys() -> None:
    one, other = {"a": 1, "b": {"c": 2, "d": [1, 2]}}, {"b": {"d": [1, 2], "c": 2}, "a": 1}
    assert checksum(one) == checksum(other)
    assert checksum(one) != checksum({"a": 1, "b": {"c": 2, "d": [2, 1]}})
    assert checksum({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
