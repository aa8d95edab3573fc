"""Validates one list of steps, and the lists nested in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from engine.domain.definition import StepDefinition
from engine.domain.errors import Path, Problem
from engine.domain.kinds import StepKind
from engine.domain.validation.configuration import configuration_problems, names_inside
from engine.domain.validation.limits import DefinitionLimits
from engine.domain.validation.needs import order_problems
from engine.domain.validation.nodes import node_problems
from engine.domain.validation.order import Order, order_of
from engine.domain.validation.references import Level, Visible, condition_problems, template_problems
from engine.domain.validation.shape import did_you_mean, shape_problems


class Rules(msgspec.Struct, frozen=True):
    """What holds for a whole definition. `defaults` are its default policies, as written."""

    kinds: Mapping[str, StepKind]
    limits: DefinitionLimits
    defaults: Any


class _AndItself:
    """A compensation also sees the step that it undoes."""

    __slots__ = ("_others", "_step_id")

    def __init__(self, step_id: str, others: Any) -> None:
        self._step_id = step_id
        self._others = others

    def __contains__(self, step_id: object) -> bool:
        return step_id == self._step_id or step_id in self._others


def steps_problems(steps: Sequence[Any], path: Path, outer: Visible, rules: Rules) -> Iterator[Problem]:
    """`outer` is what the owner of the list sees. The shape of the steps themselves is checked with the owner."""
    order = order_of(steps, rules.defaults)
    yield from order_problems(steps, order, path, rules.defaults)
    for place, step in enumerate(steps):
        if isinstance(step, Mapping):
            yield from _step_problems(step, (*path, str(place)), _visible(order, order.ids[place], outer), rules)


def all_visible(steps: Sequence[Any], outer: Visible) -> Visible:
    """What is visible when all steps of the list are done."""
    names = frozenset(step["id"] for step in steps if isinstance(step, Mapping) and isinstance(step.get("id"), str))
    return Visible(outer.variables, (Level(names, names), *outer.levels))


def _visible(order: Order, step_id: str | None, outer: Visible) -> Visible:
    """Steps on or behind a circle see all others: the circle is the one problem to report."""
    ready = order.before.get(step_id, order.names) if step_id is not None else order.names
    return Visible(outer.variables, (Level(order.names, ready), *outer.levels), step_id)


def _step_problems(step: Mapping[str, Any], path: Path, visible: Visible, rules: Rules) -> Iterator[Problem]:
    yield from condition_problems(step.get("when"), (*path, "when"), visible)
    for field in ("cache_key", "idempotency"):
        yield from template_problems(step.get(field), (*path, field), visible)
    yield from _kind_problems(step, path, visible, rules)
    compensation = step.get("compensate")
    if isinstance(compensation, Mapping):
        own, *outer = visible.levels
        step_id = step.get("id")
        ready = _AndItself(step_id, own.ready) if isinstance(step_id, str) else own.ready
        seen = Visible(visible.variables, (Level(own.known, ready), *outer))
        yield from _kind_problems(compensation, (*path, "compensate"), seen, rules, nesting=False)


def _kind_problems(
    step: Mapping[str, Any], path: Path, visible: Visible, rules: Rules, *, nesting: bool = True
) -> Iterator[Problem]:
    name, with_ = step.get("kind"), step.get("with", {})
    if not isinstance(name, str):
        return
    kind = rules.kinds.get(name)
    if kind is None:
        message = f"there is no step kind '{name}'"
        yield Problem(message=message, path=(*path, "kind"), hint=did_you_mean(name, rules.kinds))
        return
    if kind.NESTED is not None and not nesting:
        yield Problem(message=f"a compensation cannot be of kind {name}", path=(*path, "kind"))
        return
    if not isinstance(with_, Mapping):
        return
    nested = with_.get(kind.NESTED) if kind.NESTED is not None else None
    inside = visible.also(*names_inside(kind))
    done = all_visible(nested, inside) if isinstance(nested, list) else inside
    yield from configuration_problems(kind, with_, (*path, "with"), visible=visible, inside=done, limits=rules.limits)
    yield from node_problems(kind, with_, (*path, "with"), rules.kinds)
    if isinstance(nested, list) and kind.NESTED is not None:
        below = (*path, "with", kind.NESTED)
        for place, inner in enumerate(nested):
            yield from shape_problems(StepDefinition, inner, (*below, str(place)))
        yield from steps_problems(nested, below, inside, rules)
