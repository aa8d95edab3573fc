"""The triggers that stand in a workflow's definition: they are there as its active version has them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.domain.errors import Path, Problem, ValidationFailed
from engine.domain.triggers.form import TriggerForm
from engine.domain.triggers.trigger import Trigger
from engine.domain.validation.triggers import form_problems, trigger_name
from engine.domain.workflow import Workflow
from engine.storage.repositories.triggers import StoredTrigger
from engine.usecases.caller import Caller
from engine.usecases.services import Services
from engine.usecases.triggers.changing import NewTrigger, create_trigger, delete_trigger, update_trigger
from engine.usecases.triggers.subscribing import foreign_names

_AT_ONCE = 100


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger of a definition; `rules` are attributes of a `Trigger`."""

    name: str
    rules: dict[str, Any]


class DefinedTrigger(NewTrigger, frozen=True, kw_only=True):
    defined_by: str


async def plan_triggers(
    services: Services, caller: Caller, document: Mapping[str, Any], workflow_id: str | None
) -> list[Planned]:
    """What `define_triggers` will do for a definition that is valid otherwise. Without an id the workflow is a new one.

    Raises `ValidationFailed`, with paths below `definition`: what only the present moment makes wrong, and names that others have.
    """
    planned: list[Planned] = []
    problems: list[Problem] = []
    for index, written in enumerate(document.get("triggers") or ()):
        path = ("definition", "triggers", str(index))
        name = trigger_name(written, document["name"], index)
        stored = await services.triggers.by_name(caller.tenant, name)
        if stored is not None and not _is_of(stored.trigger, workflow_id):
            problems.append(_taken(name, path))
            continue
        form = TriggerForm.model_validate(written)
        kept = stored is not None and type(stored.trigger.source) is type(form.source())
        now = stored.trigger.created_at if stored is not None and kept else services.clock()
        problems += form_problems(TriggerForm, written, path, name=name, now=now)
        problems += foreign_names(services, form.source(), (*path, "pubsub"))
        planned.append(Planned(name=name, rules=form.rules()))
    if problems:
        raise ValidationFailed(problems)
    return planned


async def define_triggers(services: Services, caller: Caller, workflow: Workflow, planned: Sequence[Planned]) -> None:
    """Creates and updates the planned triggers, and deletes those that a former version had. What was made by mutation stays as it is.
    Doing it again changes nothing. Where another version has become the active one meanwhile, it is left to whoever made it so.
    """
    current = await services.workflows.by_name(caller.tenant, workflow.name)
    if current is None or current.workflow.active_version != workflow.active_version:
        return
    for each in planned:
        await _define(services, caller, workflow, each)
    names = {each.name for each in planned}
    former = [trigger.name async for trigger in _defined(services, caller, workflow.id) if trigger.name not in names]
    for name in former:
        await delete_trigger(services, caller, name)


async def _define(services: Services, caller: Caller, workflow: Workflow, planned: Planned) -> None:
    defined_by = f"{workflow.name}@{workflow.active_version}"
    stored = await services.triggers.by_name(caller.tenant, planned.name)
    if stored is not None and not _is_of(stored.trigger, workflow.id):
        raise ValidationFailed([_taken(planned.name, ("definition", "triggers"))])
    if stored is not None and type(stored.trigger.source) is not type(planned.rules["source"]):
        await delete_trigger(services, caller, planned.name)  # another kind of source is another trigger
        stored = None
    if stored is not None:
        await update_trigger(services, caller, planned.name, {**planned.rules, "defined_by": defined_by})
        return
    new = DefinedTrigger(name=planned.name, workflow=workflow.name, defined_by=defined_by, **planned.rules)
    await create_trigger(services, caller, new)


async def _defined(services: Services, caller: Caller, workflow_id: str) -> AsyncIterator[Trigger]:
    """Those of the workflow that some version of it defined."""
    start_after = None
    while True:
        page: list[StoredTrigger] = await services.triggers.page(
            caller.tenant, kinds=None, workflow_id=workflow_id, start_after=start_after, limit=_AT_ONCE
        )
        for stored in page:
            if stored.trigger.defined_by is not None:
                yield stored.trigger
        if len(page) < _AT_ONCE:
            return
        start_after = (page[-1].trigger.created_at, page[-1].trigger.id)


def _is_of(trigger: Trigger, workflow_id: str | None) -> bool:
    return trigger.defined_by is not None and trigger.workflow_id == workflow_id


def _taken(name: str, path: Path) -> Problem:
    message = f"there is a trigger {name!r} already, which this workflow's definition did not make"
    return Problem(message=message, path=(*path, "name"), hint="give this one another name, or delete the other")
