"""A definition that passed every check, in its canonical form."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import msgspec

from engine.domain.canonical import canonical, checksum
from engine.domain.errors import Path, PayloadTooLarge, Problem, ValidationFailed
from engine.domain.validation import validate_definition
from engine.usecases.parse_definition import parse_definition
from engine.usecases.services import Services

T = TypeVar("T")

_LARGE = 2_000
"""Values of JSON, or characters of YAML for each ten: what is checked in some milliseconds."""


class CheckedDefinition(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    document: dict[str, Any]
    checksum: str


async def check_definition(services: Services, definition: Any) -> CheckedDefinition:
    """Raises `ValidationFailed` with its problems, paths below `definition`, and `PayloadTooLarge`."""
    return await aside(definition, partial(_checked, services, definition))


async def definition_problems(services: Services, definition: Any) -> list[Problem]:
    """Raises `PayloadTooLarge`."""
    return (await aside(definition, partial(_examined, services, definition)))[0]


async def aside(definition: Any, check: Callable[[], T]) -> T:
    """What `check` says of the definition: of a large one in a thread, so that the event loop has its turns meanwhile."""
    if not _is_large(definition):
        return check()
    return await asyncio.to_thread(check)


def _is_large(definition: Any) -> bool:
    """Counts no further than it must."""
    if isinstance(definition, str):
        return len(definition) > 10 * _LARGE
    count = 0
    pending = [definition]
    while pending and count <= _LARGE:
        item = pending.pop()
        if isinstance(item, dict | list):
            count += len(item)
            if count <= _LARGE:
                pending.extend(item.values() if isinstance(item, dict) else item)
    return count > _LARGE


def _checked(services: Services, definition: Any) -> CheckedDefinition:
    problems, document = _examined(services, definition)
    if problems:
        raise ValidationFailed(problems)
    written_out = canonical(document, services.kinds)
    return CheckedDefinition(name=written_out["name"], document=written_out, checksum=checksum(written_out))


def _examined(services: Services, definition: Any) -> tuple[list[Problem], dict[str, Any]]:
    try:
        parsed = parse_definition(definition)
    except ValidationFailed as error:
        return [_below(problem, ("definition",)) for problem in error.problems], {}
    except PayloadTooLarge as error:
        raise PayloadTooLarge(error.message, path=("definition",)) from error
    problems = validate_definition(parsed.document, services.kinds, services.limits.definition, parsed.lines)
    return [_below(problem, ("definition",)) for problem in problems], parsed.document


def _below(problem: Problem, root: Path) -> Problem:
    return msgspec.structs.replace(problem, path=(*root, *problem.path))
