"""The form in which a definition is saved: what it leaves unsaid about order is written out, so that edits mean what
they show.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.domain.kinds import StepKind
from engine.domain.needs import needs_of


def canonical(definition: Mapping[str, Any], kinds: Mapping[str, StepKind]) -> dict[str, Any]:
    """A valid definition with the `needs` of every step, nested ones too; all else is as the author wrote it."""
    return {**definition, "steps": _steps(definition["steps"], kinds, definition.get("defaults"))}


def checksum(definition: Mapping[str, Any]) -> str:
    """sha256 of the definition as compact JSON with sorted keys, in hexadecimal."""
    return hashlib.sha256(msgspec.json.encode(definition, order="deterministic")).hexdigest()


def _steps(steps: Sequence[dict[str, Any]], kinds: Mapping[str, StepKind], defaults: Any) -> list[dict[str, Any]]:
    return [
        {**_step(step, kinds, defaults), "needs": list(needs)}
        for step, needs in zip(steps, needs_of(steps, defaults), strict=True)
    ]


def _step(step: dict[str, Any], kinds: Mapping[str, StepKind], defaults: Any) -> dict[str, Any]:
    nested = kinds[step["kind"]].NESTED
    if nested is None:
        return step
    return {**step, "with": {**step["with"], nested: _steps(step["with"][nested], kinds, defaults)}}
