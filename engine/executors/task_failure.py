"""Failures that an executor finds itself."""

from collections.abc import Mapping
from typing import Any

from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.executors.failures import clean_text
from engine.executors.port import StepFailure


def task_failure(
    code: str, message: str, *, retryable: bool = True, details: Mapping[str, Any] | None = None
) -> StepFailure:
    """A failure of kind TASK, to be raised. `details` is JSON."""
    failure = Failure(
        kind=FailureKind.TASK,
        code=code,
        message=clean_text(message),
        retryable=retryable,
        details=dict(details) if details else None,
    )
    return StepFailure(failure)
