"""List the kinds of steps, with the JSON Schema of their `with`, for editors."""

from typing import Any

import msgspec

from engine.usecases.services import Services


class StepKindInfo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str
    with_schema: dict[str, Any]


async def step_kinds(services: Services) -> list[StepKindInfo]:
    """By name."""
    return [
        StepKindInfo(name=name, description=kind.description, with_schema=kind.With.model_json_schema(by_alias=True))
        for name, kind in sorted(services.kinds.items())
    ]
