"""Checks that inputs of use cases share: JSON that can be stored, sizes, labels."""

from typing import Any

import msgspec

from engine.domain.errors import Path, PayloadTooLarge, Problem, ValidationFailed
from engine.domain.schemas import json_problems

_LABEL_KEY, _LABEL_VALUE = 63, 255


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


def checked_labels(labels: Any, limit: int) -> dict[str, str]:
    """A flat object of short strings. Raises `ValidationFailed`."""
    if labels is None:
        return {}
    if not isinstance(labels, dict):
        raise ValidationFailed([Problem(message="labels are an object of strings", path=("labels",))])
    require_json(labels, ("labels",))
    problems = [problem for key, value in labels.items() if (problem := _label_problem(key, value))]
    if len(labels) > limit:
        problems.append(Problem(message=f"{len(labels)} labels; the limit is {limit}", path=("labels",)))
    if problems:
        raise ValidationFailed(problems)
    return labels


def _label_problem(key: Any, value: Any) -> Problem | None:
    path = ("labels", str(key))
    if not isinstance(value, str):
        return Problem(message=f"the label {key!r} is not a string", path=path)
    if not 0 < len(key) <= _LABEL_KEY or "=" in key:
        return Problem(message=f"a label's key has 1 to {_LABEL_KEY} characters and no `=`", path=path)
    if len(value) > _LABEL_VALUE:
        return Problem(message=f"a label's value has at most {_LABEL_VALUE} characters", path=path)
    return None
