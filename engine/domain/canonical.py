"""The form in which a definition is saved: what it leaves unsaid about order is written out, so that edits mean what
they show.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.domain.kinds import StepKind
from engine.domain.needs import needs_of, nested_in


def canonical(definition: Mapping[str, Any], kinds: Mapping[str, StepKind]) -> dict[str, Any]:
    """The definition with the `needs` of every step, nested ones too; all else is as the author wrote it. What is not valid
    is left as it is, for validation to find.
    """
    return {**definition, "steps": _steps(definition["steps"], kinds, definition.get("defaults"))}


def checksum(definition: Mapping[str, Any]) -> str:
    """sha256 of the definition as compact JSON with sorted keys, in hexadecimal."""
    return hashlib.sha256(msgspec.json.encode(definition, order="deterministic")).hexdigest()


def _steps(steps: Sequence[Any], kinds: Mapping[str, StepKind], defaults: Any) -> list[Any]:
    return [
        _step(step, needs, kinds, defaults) if isinstance(step, dict) else step
        for step, needs in zip(steps, needs_of(steps, defaults), strict=True)
    ]


def _step(step: dict[str, Any], needs: Sequence[str], kinds: Mapping[str, StepKind], defaults: Any) -> dict[str, Any]:
    written_out = dict(step)
    if step.get("needs") is None:
        written_out["needs"] = list(needs)
    field, nested = nested_in(step, kinds)
    if field is not None and isinstance(nested, list):
        written_out["with"] = {**step["with"], field: _steps(nested, kinds, defaults)}
    return written_out
