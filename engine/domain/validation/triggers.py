"""Validates triggers as they stand in files: of their own, and in those of workflows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.domain.definition import MOST_TRIGGERS
from engine.domain.errors import Path, Problem
from engine.domain.triggers.checking import trigger_problems
from engine.domain.triggers.form import TriggerForm, form_path
from engine.domain.triggers.trigger import Trigger
from engine.domain.validation.shape import shape_problems

_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def form_problems(
    model: type[TriggerForm], written: Any, path: Path, *, name: str | None = None, now: datetime = _SOME_TIME
) -> list[Problem]:
    """Everything that is wrong with one trigger. `name` is the one that it has if it names none; `now` is when it is made, where
    that is known: then a schedule that has ended before is a problem too.
    """
    if wrong := shape_problems(model, written, path):
        return wrong
    form = model.model_validate(written)
    trigger = Trigger(
        id="", name=form.name or name or "", workflow_id="", created_at=now, actor="", **form.rules()
    )  # who makes it is nothing that could be wrong
    return [
        msgspec.structs.replace(problem, path=(*path, *form_path(problem.path, written)))
        for problem in trigger_problems(trigger)
    ]


def triggers_problems(triggers: list[Any], workflow: Any, *, now: datetime = _SOME_TIME) -> Iterator[Problem]:
    """Of the triggers in a workflow's definition."""
    named: dict[str, int] = {}
    for index, written in enumerate(triggers[:MOST_TRIGGERS]):
        if not isinstance(written, dict):
            continue
        path = ("triggers", str(index))
        name = trigger_name(written, workflow, index)
        yield from form_problems(TriggerForm, written, path, name=name, now=now)
        if named.setdefault(name, index) != index:
            yield Problem(message=f"trigger {named[name]} has the name {name!r} already", path=(*path, "name"))


def trigger_name(written: Any, workflow: Any, index: int) -> str:
    """Its own, or the workflow's with its position."""
    own = written.get("name") if isinstance(written, dict) else None
    return own if isinstance(own, str) else f"{workflow}-{index}"
