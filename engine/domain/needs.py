"""How the steps of a list hang together: what each needs, said or unsaid, which only handle failures, which hold others."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.domain.kinds import StepKind


def handler_of(step: Mapping[str, Any], defaults: Any = None) -> str | None:
    """The step that runs when this one fails. A handler named in `defaults` does not handle itself."""
    own = _step_in(step.get("on_error"))
    if step.get("on_error") is not None:
        return own
    default = _step_in(defaults.get("on_error")) if isinstance(defaults, Mapping) else None
    return None if default == step.get("id") else default


def needs_of(steps: Sequence[Any], defaults: Any = None) -> list[tuple[str, ...]]:
    """For each step of a list what it needs, said or unsaid: without `needs` a step needs the step above it. A handler
    without `needs` has none, and is nobody's step above. Takes lists that are not valid yet; what is no step id is left
    out.
    """
    handlers = {handler_of(step, defaults) for step in steps if isinstance(step, Mapping)}
    found: list[tuple[str, ...]] = []
    above: tuple[str, ...] = ()
    for step in steps:
        step_id = step.get("id") if isinstance(step, Mapping) else None
        said = step.get("needs") if isinstance(step, Mapping) else None
        handles = isinstance(step_id, str) and step_id in handlers
        unsaid = () if handles else above
        found.append(_texts(said) if isinstance(said, list | tuple) else unsaid)
        if isinstance(step_id, str) and not handles:
            above = (step_id,)
    return found


def nested_in(step: Mapping[str, Any], kinds: Mapping[str, StepKind]) -> tuple[str | None, Any]:
    """The field of `with` that holds nested steps, and what is there; None for kinds without."""
    name = step.get("kind")
    kind = kinds.get(name) if isinstance(name, str) else None
    with_ = step.get("with")
    if kind is None or kind.NESTED is None or not isinstance(with_, Mapping):
        return None, None
    return kind.NESTED, with_.get(kind.NESTED)


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str))


def _step_in(on_error: Any) -> str | None:
    step = on_error.get("step") if isinstance(on_error, Mapping) else None
    return step if isinstance(step, str) else None
