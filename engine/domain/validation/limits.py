"""How large a definition may be."""

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.domain.errors import Problem
from engine.domain.kinds import StepKind
from engine.domain.needs import nested_in


class DefinitionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """`steps` counts nested ones too; `map_items` bounds lists that are written out in the definition."""

    bytes: int = 1024 * 1024
    steps: int = 2_000
    map_items: int = 10_000


def size_problem(document: Any, limits: DefinitionLimits) -> Problem | None:
    """Takes what `json_problems` accepts."""
    size = len(msgspec.json.encode(document))
    if size <= limits.bytes:
        return None
    return Problem(message=f"the definition has {size:,} bytes as JSON, and the limit is {limits.bytes:,}")


def count_problem(
    document: Mapping[str, Any], kinds: Mapping[str, StepKind], limits: DefinitionLimits
) -> Problem | None:
    count = 0
    pending: list[Any] = [document.get("steps")]
    while pending:
        steps = pending.pop()
        if isinstance(steps, list):
            count += len(steps)
            pending += [nested_in(step, kinds)[1] for step in steps if isinstance(step, Mapping)]
    if count <= limits.steps:
        return None
    message = f"the definition has {count:,} steps, nested ones included, and the limit is {limits.steps:,}"
    return Problem(message=message, path=("steps",))
