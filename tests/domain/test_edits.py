"""Edits as values: applied, refused and shown as a difference, without an execution."""

from typing import Any

import pytest

from engine.domain.edits import EditAction, StepEdit, apply_edits, as_json, diff, edit_problems

INSERT, UPDATE, DELETE = EditAction.INSERT, EditAction.UPDATE, EditAction.DELETE
A, B = {"id": "a", "kind": "task", "needs": []}, {"id": "b", "kind": "task", "needs": ["a"], "when": "x"}
DEFINITION = {"name": "test", "output": "o", "steps": [A, B]}


def applied(action: EditAction, step_id: str, definition: dict[str, Any] | None = None) -> list[Any]:
    edits = as_json([StepEdit(action=action, step_id=step_id, definition=definition)])
    return list(apply_edits(DEFINITION, edits)["steps"])


def objections(*edits: tuple[EditAction, str, dict[str, Any] | None], begun: tuple[str, ...] = ()) -> list[str]:
    given = [StepEdit(action=action, step_id=step_id, definition=members) for action, step_id, members in edits]
    return [f"{problem.path[1]}: {problem.message}" for problem in edit_problems(DEFINITION, given, begun)]


def test_insert_adds_at_the_end_under_the_id_of_the_edit() -> None:
    assert applied(INSERT, "c", {"kind": "task"}) == [A, B, {"kind": "task", "id": "c"}]


def test_update_replaces_members_and_removes_those_that_are_null() -> None:
    assert applied(UPDATE, "b", {"when": None, "needs": []}) == [A, {"id": "b", "kind": "task", "needs": []}]
    assert applied(UPDATE, "b") == [A, B]


def test_delete_takes_the_step_out() -> None:
    assert applied(DELETE, "a") == [B]


def test_applying_leaves_the_definition_as_it_is() -> None:
    before = {**DEFINITION, "steps": [dict(A), dict(B)]}
    applied(UPDATE, "a", {"kind": "other"})
    assert before == DEFINITION


def test_all_that_is_said_of_a_workflow_besides_its_steps_stays() -> None:
    assert apply_edits(DEFINITION, ()) == DEFINITION


@pytest.mark.parametrize(
    ("edit", "objection"),
    [
        ((INSERT, "a", {"kind": "task"}), "0: step 'a' exists already"),
        ((UPDATE, "c", {}), "0: there is no step 'c'"),
        ((DELETE, "c", None), "0: there is no step 'c'"),
        ((UPDATE, "a", {}), "0: step 'a' has begun already"),
        ((DELETE, "a", None), "0: step 'a' has begun already"),
        ((UPDATE, "b", {"id": "c"}), "0: the definition names the step 'c', the edit 'b'"),
    ],
)
def test_what_cannot_be_edited_is_said_with_its_place(
    edit: tuple[EditAction, str, dict[str, Any] | None], objection: str
) -> None:
    assert objections(edit, begun=("a",)) == [objection]


def test_later_edits_see_what_earlier_ones_did() -> None:
    assert objections((DELETE, "b", None), (INSERT, "b", {}), (UPDATE, "b", {"id": "b"})) == []
    assert objections((DELETE, "b", None), (UPDATE, "b", {})) == ["1: there is no step 'b'"]
    assert objections((INSERT, "c", {}), (INSERT, "c", {})) == ["1: step 'c' exists already"]


def test_every_objection_is_found_at_once() -> None:
    assert len(objections((DELETE, "x", None), (DELETE, "b", None), (DELETE, "y", None))) == 2


def test_the_difference_shows_what_was_added_removed_and_changed() -> None:
    c = {"id": "c", "kind": "task"}
    after = {**DEFINITION, "steps": [{"id": "b", "kind": "task", "needs": [], "when": "x", "timeout": "5s"}, c]}
    assert diff(DEFINITION, after) == {
        "added": [c],
        "removed": [A],
        "changed": [{"stepId": "b", "before": {"needs": ["a"]}, "after": {"needs": [], "timeout": "5s"}}],
    }
    assert diff(DEFINITION, DEFINITION) == {"added": [], "removed": [], "changed": []}
