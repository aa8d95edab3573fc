"""Checks that inputs of use cases share: JSON that can be stored, sizes, labels."""

import re
from math import inf
from typing import Any

import msgspec

from engine.domain.definition import NAME
from engine.domain.errors import Path, PayloadTooLarge, Problem, ValidationFailed
from engine.domain.failure import Budget
from engine.domain.labels import label_problems
from engine.domain.schemas import json_problems

_PRIORITY = 1000


def require_json(value: Any, path: Path) -> None:
    """Raises `ValidationFailed` for NUL, lone surrogates, excessive depth and numbers that JSON does not have."""
    problems = json_problems(value, path)
    if problems:
        raise ValidationFailed(problems)


def require_size(value: Any, limit: int, path: Path) -> None:
    size = len(msgspec.json.encode(value))
    if size > limit:
        name = path[-1] if path else "input"
        raise PayloadTooLarge(f"{name} has {size:,} bytes as JSON; the limit is {limit:,}", path=path)


def require_text(value: str | None, path: Path, *, most: int = 1000) -> None:
    """For short texts such as names, reasons and keys."""
    if value is None:
        return
    require_json(value, path)
    if len(value) > most:
        message = f"{path[-1]} has {len(value):,} characters; the limit is {most:,}"
        raise ValidationFailed([Problem(message=message, path=path)])


def require_key(key: str | None) -> None:
    """An idempotency key has at least one character."""
    require_text(key, ("idempotencyKey",))
    if key == "":
        raise ValidationFailed([Problem(message="an idempotency key is not empty", path=("idempotencyKey",))])


def require_budget(budget: Budget | None) -> None:
    """Every bound that is given is above zero, and finite."""
    given = msgspec.structs.asdict(budget) if budget else {}
    problems = [
        Problem(message=f"a budget is a number above zero, not {bound}", path=("budget", _camel(name)))
        for name, bound in given.items()
        if bound is not None and not 0 < bound < inf
    ]
    if problems:
        raise ValidationFailed(problems)


def require_priority(priority: int | None) -> None:
    if priority is not None and abs(priority) > _PRIORITY:
        message = f"a priority is from -{_PRIORITY} to {_PRIORITY}, not {priority}"
        raise ValidationFailed([Problem(message=message, path=("priority",))])


def require_lane(lane: str | None) -> None:
    if lane is not None and not re.fullmatch(NAME, lane):
        message = "a lane is named by lower-case letters, digits and hyphens, 63 at the most"
        raise ValidationFailed([Problem(message=message, path=("lane",))])


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def checked_labels(labels: Any) -> dict[str, str]:
    """A flat object of short texts. Raises `ValidationFailed`."""
    if labels is None:
        return {}
    if not isinstance(labels, dict):
        raise ValidationFailed([Problem(message="labels are an object of texts", path=("labels",))])
    require_json(labels, ("labels",))
    problems = list(label_problems(labels, ("labels",)))
    if problems:
        raise ValidationFailed(problems)
    return labels
