"""Reads a workflow definition as people write it: YAML 1.2 or JSON text, or JSON that was decoded already."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.domain.errors import Path, PayloadTooLarge, Problem, ValidationFailed
from engine.domain.json_values import MAX_DEPTH, json_problems, text_problem
from engine.domain.validation import DefinitionLimits
from engine.usecases.yaml_reading import read_yaml

_LIMIT = DefinitionLimits().bytes


class ParsedDefinition(msgspec.Struct, frozen=True):
    """`lines` gives the line, from 1, at which the value at a path begins; it is empty for JSON."""

    document: dict[str, Any]
    lines: Mapping[Path, int]


def parse_definition(source: str | dict[str, Any], *, limit: int = _LIMIT) -> ParsedDefinition:
    """Whether the document is a valid workflow is not looked at. `limit` is in bytes.

    Raises `PayloadTooLarge`, and `ValidationFailed` for text that is neither YAML nor JSON, duplicate keys, keys that are
    not text, several documents, too much nesting, and values that are not JSON.
    """
    document, lines = _text(source, limit) if isinstance(source, str) else (source, {})
    if problems := json_problems(document):
        raise ValidationFailed([_with_line(problem, lines) for problem in problems])
    if not isinstance(document, dict):
        raise ValidationFailed([Problem(message="a workflow definition is an object with `name` and `steps`", line=1)])
    if not isinstance(source, str):
        _require_size(len(msgspec.json.encode(document)), limit)
    return ParsedDefinition(document, lines)


def _text(source: str, limit: int) -> tuple[Any, Mapping[Path, int]]:
    if problem := text_problem(source):
        raise ValidationFailed([problem])
    _require_size(len(source.encode()), limit)
    if source.lstrip()[:1] in ("{", "["):
        try:
            return _json(source), {}
        except json.JSONDecodeError:
            pass  # a flow mapping of YAML begins like JSON
    return read_yaml(source)


def _require_size(size: int, limit: int) -> None:
    if size > limit:
        raise PayloadTooLarge(f"the definition has {size:,} bytes, and the limit is {limit:,}")


def _json(source: str) -> Any:
    try:
        return json.loads(source, object_pairs_hook=_object)
    except RecursionError as error:
        message = f"the value is nested more than {MAX_DEPTH} levels deep"
        raise ValidationFailed([Problem(message=message)]) from error
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # Python refuses to read integers of thousands of digits
        raise ValidationFailed([Problem(message="a number has too many digits")]) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for position, key in enumerate(keys) if key in keys[:position])
        raise ValidationFailed([Problem(message=f"the key '{twice}' is written twice in one object")])
    return found


def _with_line(problem: Problem, lines: Mapping[Path, int]) -> Problem:
    return msgspec.structs.replace(problem, line=lines.get(problem.path))
