"""Does a part of a definition fit its pydantic model? Its errors, in the author's terms."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.domain.errors import Path, Problem
from engine.domain.expressions import OPEN
from engine.domain.validation.fields import fields_at

_QUOTED = re.compile(r"'([^']*)'")
_WORDINGS = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "none_required": "must be null",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries, and has {actual_length}",
    "too_long": "must have at most {max_length} entries, and has more",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
    "assertion_error": "{error}",
}


def shape_problems(
    model: type[BaseModel],
    value: Any,
    path: Path,
    *,
    templates: bool = False,
    literal: Collection[str] = (),
    skip: str | None = None,
) -> list[Problem]:
    """Every way in which `value` does not fit. With `templates`, a string with `${` stands for a value of any type, but
    not in the fields `literal`, which are never rendered as a whole. What is below the field `skip` is left to others.
    """
    try:
        model.model_validate(value)
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _only_counts_valid_entries(detail)]
        found = [(*_place(value, detail), detail) for detail in details]
        kept = [
            (where, union, detail)
            for where, union, detail in found
            if not (templates and detail["type"] != "extra_forbidden" and _is_template(value, where, literal))
            and not (where[:1] == (skip,) and len(where) > 1)
        ]
        return list(_problems(model, path, kept))
    return []


def _problems(
    model: type[BaseModel], path: Path, found: list[tuple[Path, Path | None, ErrorDetails]]
) -> Iterator[Problem]:
    """Where a value fits no branch of a union, every branch gives errors: those that got deepest are about what was
    meant.
    """
    groups: dict[Path, list[tuple[Path, ErrorDetails]]] = {}
    for where, union, detail in found:
        groups.setdefault(where if union is None else union, []).append((where, detail))
    for group in groups.values():
        deepest = max(len(where) for where, _ in group)
        places: dict[Path, list[ErrorDetails]] = {}
        for where, detail in group:
            if len(where) == deepest:
                places.setdefault(where, []).append(detail)
        for where, details in places.items():
            words = " or ".join(dict.fromkeys(map(_wording, details))).replace(" or must be ", " or ")
            hints = [hint for detail in details if (hint := _hint(model, where, detail))]
            yield Problem(message=words, path=(*path, *where), hint=hints[0] if hints else None)


def _place(value: Any, detail: ErrorDetails) -> tuple[Path, Path | None]:
    """Where in the value an error is, and where the union is whose branch it belongs to. pydantic mixes the names of
    branches and of functions into its locations; they are what cannot be followed.
    """
    where: list[str] = []
    union: Path | None = None
    current = value
    for position, segment in enumerate(detail["loc"]):
        if _has(current, segment):
            current = current[segment]
        elif detail["type"] != "missing" or position < len(detail["loc"]) - 1:
            union = tuple(where) if union is None else union
            continue
        where.append(str(segment))
    return tuple(where), union


def _only_counts_valid_entries(detail: ErrorDetails) -> bool:
    """Where entries of a list are wrong, pydantic also finds the list too short."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _has(value: Any, segment: str | int) -> bool:
    if isinstance(value, Mapping):
        return segment in value
    return isinstance(value, list | tuple) and isinstance(segment, int) and segment < len(value)


def _is_template(value: Any, where: Path, literal: Collection[str]) -> bool:
    if where[:1] and where[0] in literal:
        return False
    for segment in where:
        if isinstance(value, Mapping) and segment in value:
            value = value[segment]
        elif isinstance(value, list | tuple) and segment.isdecimal() and int(segment) < len(value):
            value = value[int(segment)]
        else:
            return False
    return isinstance(value, str) and OPEN in value


def _wording(detail: ErrorDetails) -> str:
    wording = _WORDINGS.get(detail["type"])
    return wording.format(**detail.get("ctx", {})) if wording else detail["msg"]


def _hint(model: type[BaseModel], where: Path, detail: ErrorDetails) -> str | None:
    if detail["type"] == "extra_forbidden":
        return did_you_mean(where[-1], fields_at(model, where[:-1]))
    if detail["type"] == "literal_error" and isinstance(detail["input"], str):
        return did_you_mean(detail["input"], _QUOTED.findall(detail["ctx"]["expected"]))
    return None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else None
