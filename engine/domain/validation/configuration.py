"""Validates the `with` of one step against its kind."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from engine.domain.errors import Path, Problem
from engine.domain.expressions import OPEN
from engine.domain.json_values import strings_in
from engine.domain.kinds import StepKind
from engine.domain.schemas import check_schema
from engine.domain.validation.limits import DefinitionLimits
from engine.domain.validation.references import Visible, condition_problems, template_problems
from engine.domain.validation.shape import shape_problems

_NAMES = {
    "map": frozenset({"item", "index"}),
    "loop": frozenset({"loop"}),
    "graph": frozenset({"state", "output"}),
}
_CONDITIONS = {
    "loop": (("until",),),
    "decide": (("cases", "*", "when"),),
    "graph": (("edges", "*", "when"),),
}
"""Where in `with` a string is CEL even without `${ }`."""
_RECORDED = {"graph": frozenset({"edges", "output"}), "decide": frozenset({"cases", "default"})}
"""Fields that are evaluated where secrets are not known, in kinds that know them elsewhere."""
_SCHEMAS = ("schema", "output_schema")


def names_inside(kind: StepKind) -> frozenset[str]:
    """The variables that exist in a kind's deferred fields and nested steps alone."""
    return _NAMES.get(kind.name, frozenset())


def configuration_problems(
    kind: StepKind,
    with_: Mapping[str, Any],
    path: Path,
    *,
    visible: Visible,
    inside: Visible,
    limits: DefinitionLimits,
) -> Iterator[Problem]:
    """`inside` is what deferred fields may name. Nested steps are not looked at."""
    in_schemas = list(_schema_problems(with_, path))
    yield from in_schemas
    broken = {problem.path[: len(path) + 1] for problem in in_schemas}
    for problem in shape_problems(kind.With, with_, path, templates=True, literal=kind.DEFERRED, skip=kind.NESTED):
        if problem.path[: len(path) + 1] not in broken:
            yield problem
    yield from _item_problems(kind, with_, path, limits)
    recorded = _RECORDED.get(kind.name, frozenset()) if _calls_out(kind) else with_.keys()
    for field, value in with_.items():
        if field != kind.NESTED:
            seen = inside if field in kind.DEFERRED else visible
            known = seen if field in recorded else seen.also("secrets")
            yield from _expression_problems(kind, field, value, path, known)


def _expression_problems(kind: StepKind, field: str, value: Any, path: Path, visible: Visible) -> Iterator[Problem]:
    patterns = [pattern for pattern in _CONDITIONS.get(kind.name, ()) if pattern[0] == field]
    for inner, text in strings_in(value):
        where = (field, *inner)
        if any(_fits(where, pattern) for pattern in patterns):
            yield from condition_problems(text, (*path, *where), visible)
        elif OPEN in text:
            yield from (
                msgspec.structs.replace(problem, path=(*path, *where))
                for problem in template_problems(text, (), visible)
            )


def _fits(where: Path, pattern: tuple[str, ...]) -> bool:
    return len(where) == len(pattern) and all(part in ("*", name) for part, name in zip(pattern, where, strict=True))


def _schema_problems(with_: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    for field in _SCHEMAS:
        schema = with_.get(field)
        if isinstance(schema, dict | bool) and not any(OPEN in text for _, text in strings_in(schema)):
            for problem in check_schema(schema):
                yield msgspec.structs.replace(problem, path=(*path, field, *problem.path))


def _item_problems(kind: StepKind, with_: Mapping[str, Any], path: Path, limits: DefinitionLimits) -> Iterator[Problem]:
    items = with_.get("items")
    if kind.name == "map" and isinstance(items, list) and len(items) > limits.map_items:
        message = f"the map has {len(items):,} items, and the limit is {limits.map_items:,}"
        yield Problem(message=message, path=(*path, "items"))


def _calls_out(kind: StepKind) -> bool:
    """Secrets are known where a worker runs the step: what is decided on the spot is recorded."""
    return callable(getattr(kind, "run", None))
