"""Failures of a graph that another attempt would not mend."""

from typing import Any

from pydantic import ValidationError

from engine.domain.expressions import ExpressionFailed
from engine.domain.failure import Failure
from engine.domain.status import FailureKind

Where = tuple[str, ...]
"""Path inside `with`."""


def refusal(code: str, message: str, path: Where = (), **details: Any) -> Failure:
    return Failure(
        kind=FailureKind.TASK,
        code=code,
        message=message,
        retryable=False,
        details={"path": ["with", *path], **details},
    )


def refused_expression(error: ExpressionFailed, path: Where) -> Failure:
    return refusal("expression_failed", error.message, (*path, *error.path), expression=error.source)


def refused_with(error: ValidationError, path: Where) -> Failure:
    problems = [
        {"path": ["with", *path, *(str(part) for part in item["loc"])], "message": item["msg"]}
        for item in error.errors()
    ]
    first = problems[0]
    return refusal("invalid_with", f"{'.'.join(first['path'])}: {first['message']}", path, problems=problems)
