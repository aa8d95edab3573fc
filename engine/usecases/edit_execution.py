"""Edit the steps of a running execution."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from engine.domain.canonical import canonical
from engine.domain.edits import StepEdit, apply_edits, as_json, diff, edit_problems
from engine.domain.errors import Path, Problem, ValidationFailed
from engine.domain.execution import Execution
from engine.domain.execution.commands import Edit
from engine.domain.execution.decide import check_edit
from engine.domain.validation import validate_definition
from engine.usecases.caller import Caller
from engine.usecases.checked_definition import aside
from engine.usecases.inputs import require_json, require_size
from engine.usecases.services import Services
from engine.usecases.views import ExecutionView, view_of

LARGEST_EDITS = 256 * 1024
"""Bytes of JSON, all edits of one execution taken together: they are part of its state."""


class EditResult(msgspec.Struct, frozen=True, kw_only=True):
    """`diff` is `{added, removed, changed}`; see `engine.domain.edits.diff`."""

    execution: ExecutionView
    diff: Any


async def edit_execution(
    services: Services,
    caller: Caller,
    execution_id: str,
    *,
    expected_revision: int,
    edits: Sequence[StepEdit],
    dry_run: bool,
) -> EditResult:
    """All edits or none. With `dry_run` everything is checked and nothing is changed.

    Raises `NotFound`, `InvalidState` where it ended, `RevisionConflict`, `PayloadTooLarge`, and `ValidationFailed` where a step
    already ran or the edited definition would not be valid.
    """
    caller.require_editor()
    stored = await services.journal.load(caller.tenant, execution_id)
    for index, edit in enumerate(edits):
        require_json(edit.definition, ("edits", str(index), "definition"))
    if not edits:
        raise ValidationFailed([Problem(message="there is no edit", path=("edits",))])
    written_out = _written_out(stored.execution, edits)
    command = Edit(edits=as_json(written_out), expected_revision=expected_revision, actor=caller.principal)
    check_edit(stored.execution, command)
    require_size([*stored.state.edits, *command.edits], LARGEST_EDITS, ("edits",))
    before = stored.execution.plan.definition
    after = apply_edits(before, command.edits)
    await aside(after, partial(_require_valid, services, after, edits))
    if not dry_run:
        stored = await services.journal.change(caller.tenant, execution_id, command)
    return EditResult(execution=view_of(stored), diff=diff(before, after))


def _written_out(execution: Execution, edits: Sequence[StepEdit]) -> list[StepEdit]:
    """Edits whose implicit `needs` are written out, so that they mean what they show."""
    begun = [path for path in execution.runs if "." not in path]
    problems = edit_problems(execution.plan.definition, edits, begun)
    if problems:
        return list(edits)  # decide refuses them, after it has looked at the revision
    edited = apply_edits(execution.plan.definition, as_json(edits))
    steps = {step["id"]: step for step in canonical(edited, execution.plan.kinds)["steps"]}
    return [_with_needs(edit, steps.get(edit.step_id)) for edit in edits]


def _with_needs(edit: StepEdit, step: dict[str, Any] | None) -> StepEdit:
    if step is None or edit.definition is None or "needs" in edit.definition or "needs" not in step:
        return edit
    return msgspec.structs.replace(edit, definition={**edit.definition, "needs": step["needs"]})


def _require_valid(services: Services, definition: dict[str, Any], edits: Sequence[StepEdit]) -> None:
    problems = validate_definition(definition, services.kinds, services.limits.definition)
    if problems:
        places = {edit.step_id: str(index) for index, edit in enumerate(edits)}
        raise ValidationFailed([_placed(problem, definition, places) for problem in problems])


def _placed(problem: Problem, definition: dict[str, Any], places: dict[str, str]) -> Problem:
    """A problem inside a step that an edit wrote is shown at that edit."""
    path: Path = problem.path
    if len(path) > 1 and path[0] == "steps" and path[1].isdigit() and int(path[1]) < len(definition["steps"]):
        place = places.get(definition["steps"][int(path[1])].get("id"))
        if place is not None:
            return msgspec.structs.replace(problem, path=("edits", place, "definition", *path[2:]))
    return msgspec.structs.replace(problem, path=("edits", *path))
