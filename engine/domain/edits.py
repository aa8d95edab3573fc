"""Live edits: INSERT, UPDATE and DELETE of steps in a running execution."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from engine.domain.errors import Problem

JsonObject = dict[str, Any]
_SHOWN = 80
"""Characters of a name in a message."""


class EditAction(StrEnum):
    INSERT = "INSERT"
    """Adds a step at the end of the list; its `needs` and the `needs` of others decide when it runs."""
    UPDATE = "UPDATE"
    """Replaces the given members of a step; a member that is null is removed."""
    DELETE = "DELETE"


class StepEdit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`definition` is the step (INSERT), or the members to replace (UPDATE); `id` may be left out of it."""

    action: EditAction
    step_id: str
    definition: JsonObject | None = None


def as_json(edits: Sequence[StepEdit]) -> tuple[JsonObject, ...]:
    return tuple(msgspec.to_builtins(edit) for edit in edits)


def apply_edits(definition: JsonObject, edits: Iterable[JsonObject]) -> JsonObject:
    """The definition after the edits, in order. They must have passed `edit_problems`; the given definition is left as it is."""
    steps: list[JsonObject] = list(definition["steps"])
    for raw in edits:
        edit = msgspec.convert(raw, StepEdit)
        members = edit.definition or {}
        match edit.action:
            case EditAction.INSERT:
                steps.append({**members, "id": edit.step_id})
            case EditAction.UPDATE:
                steps = [_merged(step, members) if step["id"] == edit.step_id else step for step in steps]
            case EditAction.DELETE:
                steps = [step for step in steps if step["id"] != edit.step_id]
    return {**definition, "steps": steps}


def edit_problems(definition: JsonObject, edits: Sequence[StepEdit], begun: Iterable[str]) -> list[Problem]:
    """What forbids these edits, before the edited definition is validated as a whole. `begun` are ids of steps that already ran."""
    ids = {step["id"] for step in definition["steps"]}
    ran = set(begun)
    problems = []
    for index, edit in enumerate(edits):
        if objection := _objection(edit, ids, ran):
            problems.append(Problem(message=objection, path=("edits", str(index), "stepId")))
        elif objection := _objection_to_definition(edit):
            problems.append(Problem(message=objection, path=("edits", str(index), "definition")))
        elif edit.action is EditAction.DELETE:
            ids.discard(edit.step_id)
        else:
            ids.add(edit.step_id)
    return problems


def _objection(edit: StepEdit, ids: set[str], ran: set[str]) -> str | None:
    step_id = edit.step_id[:_SHOWN]
    named = (edit.definition or {}).get("id", edit.step_id)
    if named != edit.step_id:
        return f"the definition names the step {str(named)[:_SHOWN]!r}, the edit {step_id!r}"
    if edit.action is EditAction.INSERT:
        return f"step {step_id!r} exists already" if edit.step_id in ids else None
    if edit.step_id not in ids:
        return f"there is no step {step_id!r}"
    return f"step {step_id!r} has begun already" if edit.step_id in ran else None


def _objection_to_definition(edit: StepEdit) -> str | None:
    if edit.action is EditAction.DELETE:
        return None if edit.definition is None else "a step that is deleted needs no definition"
    return "what shall be in the step stands here" if edit.definition is None else None


def _merged(step: JsonObject, members: JsonObject) -> JsonObject:
    merged = {**step, **members, "id": step["id"]}
    return {key: value for key, value in merged.items() if value is not None}


def diff(before: JsonObject, after: JsonObject) -> JsonObject:
    """`{added: [step], removed: [step], changed: [{stepId, before, after}]}`; of a changed step only the members that differ."""
    old = {step["id"]: step for step in before["steps"]}
    new = {step["id"]: step for step in after["steps"]}
    changed = [
        {"stepId": step_id, "before": _differing(old[step_id], step), "after": _differing(step, old[step_id])}
        for step_id, step in new.items()
        if step_id in old and step != old[step_id]
    ]
    return {
        "added": [step for step_id, step in new.items() if step_id not in old],
        "removed": [step for step_id, step in old.items() if step_id not in new],
        "changed": changed,
    }


def _differing(one: JsonObject, other: JsonObject) -> JsonObject:
    return {key: value for key, value in one.items() if key not in other or other[key] != value}
