"""A definition that passed every check, in its canonical form."""

from typing import Any

import msgspec

from engine.domain.canonical import canonical, checksum
from engine.domain.errors import Path, PayloadTooLarge, Problem, ValidationFailed
from engine.domain.validation import validate_definition
from engine.usecases.parse_definition import parse_definition
from engine.usecases.services import Services


class CheckedDefinition(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    document: dict[str, Any]
    checksum: str


def check_definition(services: Services, definition: Any) -> CheckedDefinition:
    """Raises `ValidationFailed` with every problem, paths below `definition`, and `PayloadTooLarge`."""
    problems, document = _examined(services, definition)
    if problems:
        raise ValidationFailed(problems)
    written_out = canonical(document, services.kinds)
    return CheckedDefinition(name=written_out["name"], document=written_out, checksum=checksum(written_out))


def definition_problems(services: Services, definition: Any) -> list[Problem]:
    return _examined(services, definition)[0]


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
