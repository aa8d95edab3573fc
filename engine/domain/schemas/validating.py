"""Does a value fit a schema? Every problem, in the author's words."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from jsonschema.exceptions import ValidationError, relevance
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable

from engine.domain.errors import Path, Problem
from engine.domain.json_values import json_problems
from engine.domain.schemas.keywords import TooMuchWork, metered, validator_for
from engine.domain.schemas.stripping import without_dialect

MOST_PROBLEMS = 50
_LONGEST = 120


def validate(value: Any, schema: Any, *, path: Path = ()) -> list[Problem]:
    """What is wrong with `value`, at most 50 problems; none if it fits. `schema` has passed `check_schema`. `path`
    leads to the value; the path to a missing or an unknown field ends with its name.
    """
    if unfit := json_problems(value, path):
        return unfit
    try:
        found = metered(_prepared(msgspec.json.encode(schema))).iter_errors(value)
        problems = list(islice((_problem(error, path) for error in _each(found)), MOST_PROBLEMS))
    except RecursionError:
        return [Problem(message="the schema refers to itself too often for a value this deep", path=path)]
    except TooMuchWork:
        return [Problem(message="checking the value against its schema takes more work than allowed", path=path)]
    except Unresolvable as error:
        return [Problem(message=f"the schema refers to {error.ref!r}, which it does not contain", path=path)]
    return sorted(problems, key=lambda problem: problem.path)


@lru_cache(maxsize=512)
def _prepared(encoded: bytes) -> Validator:
    return validator_for(without_dialect(msgspec.json.decode(encoded)))


def _each(errors: Iterator[ValidationError]) -> Iterator[ValidationError]:
    """Instead of the error that no alternative fits, the errors of the one that was meant, if that shows."""
    for error in errors:
        meant = _meant(error) if error.validator in ("anyOf", "oneOf") else None
        if meant is None:
            yield error
        else:
            yield from _each(iter(meant))


def _meant(error: ValidationError) -> list[ValidationError] | None:
    """The errors of the only alternative that does not already fail by its type."""
    alternatives: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        alternatives.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [
        errors
        for errors in alternatives.values()
        if not any(inner.validator in ("type", "const", "enum") and not inner.path for inner in errors)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _problem(error: ValidationError, path: Path) -> Problem:
    where = (*path, *(str(part) for part in error.absolute_path))
    if error.validator == "required":
        name = _missing(error)
        return Problem(message="is required", path=(*where, name))
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = error.schema.get("properties", ()) if isinstance(error.schema, dict) else ()
        near = get_close_matches(where[-1], known, n=1)
        return Problem(message="is not a known field", path=where, hint=f"did you mean {near[0]}?" if near else None)
    if error.validator in ("anyOf", "oneOf") and error.context:
        closest = max(error.context, key=relevance)
        return Problem(message="fits none of the alternatives", path=where, hint=_wording(closest))
    return Problem(message=_wording(error), path=where)


def _missing(error: ValidationError) -> str:
    """The library names the field in its message alone."""
    names: list[str] = list(error.validator_value)  # type: ignore[arg-type]  # `required` has a list
    return next(name for name in names if error.message.startswith(f"{name!r} is"))


def _wording(error: ValidationError) -> str:
    word = _WORDINGS.get(str(error.validator))
    if word is None:
        return _short(error.message)
    return word(error.validator_value, error.instance)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _shown(value: Any) -> str:
    return _short(msgspec.json.encode(value).decode())


def _type(expected: Any, value: Any) -> str:
    names = " or ".join(expected) if isinstance(expected, list) else str(expected)
    return f"must be of type {names}, and is {_type_of(value)}"


def _type_of(value: Any) -> str:
    names = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _one_of(allowed: Any, _: Any) -> str:
    near = ", ".join(_shown(item) for item in allowed[:20])
    return f"must be one of {near}" + (", ..." if len(allowed) > 20 else "")  # noqa: PLR2004 - the slice above


_WORDINGS: dict[str, Callable[[Any, Any], str]] = {
    "type": _type,
    "enum": _one_of,
    "const": lambda expected, _: f"must be {_shown(expected)}",
    "minimum": lambda bound, value: f"must be at least {bound}, and is {value}",
    "maximum": lambda bound, value: f"must be at most {bound}, and is {value}",
    "exclusiveMinimum": lambda bound, value: f"must be greater than {bound}, and is {value}",
    "exclusiveMaximum": lambda bound, value: f"must be less than {bound}, and is {value}",
    "multipleOf": lambda factor, value: f"must be a multiple of {factor}, and is {value}",
    "minLength": lambda length, value: f"must have at least {length} characters, and has {len(value)}",
    "maxLength": lambda length, value: f"must have at most {length} characters, and has {len(value)}",
    "minItems": lambda count, value: f"must have at least {count} items, and has {len(value)}",
    "maxItems": lambda count, value: f"must have at most {count} items, and has {len(value)}",
    "minProperties": lambda count, value: f"must have at least {count} fields, and has {len(value)}",
    "maxProperties": lambda count, value: f"must have at most {count} fields, and has {len(value)}",
    "uniqueItems": lambda _, __: "must not hold the same item twice",
    "contains": lambda _, __: "holds no item of the kind it must contain",
    "not": lambda _, __: "must not be like this",
}
