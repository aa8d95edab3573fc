"""Texts that no store can keep: with a NUL character, or with half of a surrogate pair."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from engine.domain.errors import BadRequest, Path, Problem, ValidationFailed
from engine.domain.json_values import text_problem


def storable(text: str, *path: str) -> str:
    """The text itself. Raises `BadRequest` if it cannot be kept; `path` names the argument."""
    problem = text_problem(text, path)
    if problem:
        raise BadRequest(problem.message, path=path)
    return text


def check_texts(given: object) -> None:
    """Looks at every text of an input object and of those inside it. JSON is left to its own checks. Raises
    `ValidationFailed`.
    """
    problems = list(_problems(given, ()))
    if problems:
        raise ValidationFailed(problems)


def _problems(given: Any, path: Path) -> Iterator[Problem]:
    if isinstance(given, str):
        problem = text_problem(given, path)
        if problem:
            yield problem
    elif isinstance(given, list):
        for index, item in enumerate(given):
            if isinstance(item, str) or is_dataclass(item):
                yield from _problems(item, (*path, str(index)))
    elif is_dataclass(given):
        for field in fields(given):
            value = getattr(given, field.name)
            if value is not None:  # most are, and names take their time
                yield from _problems(value, (*path, to_camel_case(field.name)))
