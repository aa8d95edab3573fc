"""Live edits: what has not begun may change, what has begun may not, and the schedule follows."""

from typing import Any

import pytest

from engine.domain.canonical import canonical
from engine.domain.edits import EditAction, StepEdit, apply_edits, as_json
from engine.domain.errors import InvalidState, RevisionConflict, ValidationFailed
from engine.domain.events import ExecutionEdited
from engine.domain.execution import commands as c
from engine.domain.status import ExecutionStatus
from tests.domain.driven_execution import KINDS, DrivenExecution, over, step

E = ExecutionStatus
INSERT, UPDATE, DELETE = EditAction.INSERT, EditAction.UPDATE, EditAction.DELETE


def edit(driven: DrivenExecution, *edits: tuple[EditAction, str, dict[str, Any] | None], revision: int = 1) -> None:
    """The `needs` of steps are given, as the use case writes them out."""
    given = as_json(
        [StepEdit(action=action, step_id=step_id, definition=members) for action, step_id, members in edits]
    )
    driven.do(c.Edit(edits=given, expected_revision=revision, actor="ada"))


def task(*needs: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "task", "needs": list(needs), **fields}


def test_an_inserted_step_runs_when_its_needs_are_done() -> None:
    driven = DrivenExecution(step("a"), step("b")).claim()
    edit(driven, (INSERT, "c", task("a")))
    driven.done("a")
    assert list(driven.running) == ["b", "c"]
    driven.done("b")
    driven.done("c")
    assert (driven.status(), driven.x.state.revision, driven.x.state.done) == (E.SUCCEEDED, 2, 3)


def test_an_inserted_step_whose_needs_are_done_already_begins_with_the_next_decision() -> None:
    driven = DrivenExecution(step("a"), step("b")).claim()
    driven.done("a")
    edit(driven, (INSERT, "c", task("a")))
    assert list(driven.running) == ["b"]
    driven.advance()
    assert list(driven.running) == ["b", "c"]


def test_the_last_result_after_an_edit_does_not_take_the_execution_for_stuck() -> None:
    driven = DrivenExecution(step("a")).claim()
    edit(driven, (INSERT, "b", task()))
    driven.done("a")
    assert (driven.status(), list(driven.running)) == (E.RUNNING, ["b"])


def test_an_edit_wakes_a_waiting_execution_up() -> None:
    driven = DrivenExecution(step("a", "approval", {"prompt": "?"})).claim()
    edit(driven, (INSERT, "b", task()))
    assert driven.status() is E.RUNNING
    driven.claim()
    assert list(driven.running) == ["b"]
    driven.done("b")
    assert driven.status() is E.WAITING


def test_an_updated_step_runs_as_it_is_now() -> None:
    driven = DrivenExecution(step("a"), step("b", with_={"x": 1}, when=False)).claim()
    edit(driven, (UPDATE, "b", {"with": {"x": 2}, "when": None, "retry": {"max_attempts": 2, "initial": "1s"}}))
    driven.done("a")
    assert driven.x.inputs["b"] == {"x": 2}
    driven.err("b")
    assert driven.statuses()["b"] == "RETRYING"


def test_a_deleted_step_is_not_waited_for() -> None:
    driven = DrivenExecution(step("a"), step("b", needs=["a"]), step("c", needs=["a"])).claim()
    edit(driven, (DELETE, "b", None))
    driven.done("a")
    assert list(driven.running) == ["c"]
    driven.done("c")
    assert driven.status() is E.SUCCEEDED
    assert set(driven.x.runs) == {"a", "c"}


def test_deleting_what_is_left_ends_the_execution() -> None:
    driven = DrivenExecution(step("a"), step("b"), output="${ steps.a.output }").claim()
    driven.do(c.Pause())
    driven.done("a", 1)
    edit(driven, (DELETE, "b", None))
    driven.do(c.Resume())
    driven.advance()
    assert (driven.status(), driven.x.state.output) == (E.SUCCEEDED, 1)


def test_the_edits_of_one_request_are_applied_together_and_in_order() -> None:
    driven = DrivenExecution(step("a"), step("b")).claim()
    edit(driven, (INSERT, "c", task("a")), (UPDATE, "c", {"needs": []}), (DELETE, "b", None), (INSERT, "b", task("c")))
    assert list(driven.x.plan.steps.nodes) == ["a", "c", "b"]
    driven.advance()
    assert list(driven.running) == ["a", "c"]
    (edited,) = driven.events(ExecutionEdited)
    assert (edited.revision, edited.actor, edited.diff["added"]) == (
        2,
        "ada",
        [{"id": "c", "kind": "task", "needs": []}],
    )


@pytest.mark.parametrize("action", [UPDATE, DELETE, INSERT])
def test_a_step_that_has_begun_is_not_edited(action: EditAction) -> None:
    driven = DrivenExecution(step("a"), step("b", when=False, needs=[]), over("m", [1], step("x"), needs=[])).claim()
    for step_id in ("a", "b", "m"):
        with pytest.raises(ValidationFailed) as refused:
            edit(driven, (action, step_id, task()))
        assert refused.value.problems[0].path == ("edits", "0", "stepId")
    assert driven.x.state.revision == 1


def test_an_edit_for_another_revision_is_a_conflict() -> None:
    driven = DrivenExecution(step("a"), step("b"), step("c")).claim()
    edit(driven, (DELETE, "c", None))
    with pytest.raises(RevisionConflict) as conflict:
        edit(driven, (DELETE, "b", None))
    assert (conflict.value.current, conflict.value.path) == (2, ("expectedRevision",))
    edit(driven, (UPDATE, "b", {"when": False}), revision=2)
    assert driven.x.state.revision == 3


@pytest.mark.parametrize("when", ["queued", "paused"])
def test_what_has_not_begun_or_is_paused_may_be_edited(when: str) -> None:
    driven = DrivenExecution(step("a"), step("b"))
    if when == "paused":
        driven.claim()
        driven.do(c.Pause())
    edit(driven, (DELETE, "b", None))
    if when == "paused":
        driven.do(c.Resume())
    else:
        driven.claim()
    driven.done("a")
    driven.advance()
    assert driven.status() is E.SUCCEEDED


def test_an_execution_that_is_over_is_not_edited() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.done("a")
    with pytest.raises(InvalidState):
        edit(driven, (INSERT, "b", task()))


def test_edits_survive_a_crash_and_are_taken_over_by_a_retry() -> None:
    driven = DrivenExecution(step("a"), step("b")).claim()
    edit(driven, (INSERT, "c", task("a")))
    driven.crash()
    driven.advance_to_next()
    driven.done("a")
    assert list(driven.running) == ["b", "c"]
    again = DrivenExecution(step("a"), step("b"), queued={"edits": driven.x.state.edits}).claim()
    assert list(again.x.plan.steps.nodes) == ["a", "b", "c"]
    assert again.x.state.revision == 1


def test_an_edit_that_leaves_nothing_to_start_fails_the_execution_instead_of_hanging() -> None:
    """Validation refuses such an edit; should one come through, a failure is better than to wait for ever."""
    driven = DrivenExecution(step("a"), step("b"), step("c")).claim()
    edit(driven, (UPDATE, "b", {"needs": ["c"]}))
    driven.done("a")
    assert (driven.status(), driven.failure.code) == (E.FAILED, "no_step_can_start")


def test_the_canonical_definition_is_kept_with_the_edits_applied() -> None:
    driven = DrivenExecution(step("a"), step("b")).claim()
    edit(driven, (DELETE, "b", None))
    document = canonical({"name": "test", "steps": [step("a"), step("b")]}, KINDS)
    assert driven.x.plan.definition == apply_edits(document, driven.x.state.edits)
