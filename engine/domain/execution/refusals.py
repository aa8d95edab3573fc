"""Failures of what the author of a definition wrote: they are final, as trying again would not help."""

from pydantic import ValidationError

from engine.domain.expressions import ExpressionFailed
from engine.domain.failure import Failure
from engine.domain.status import FailureKind


def refused_with(error: ExpressionFailed | ValidationError) -> Failure:
    """Of a `with` that cannot be rendered, or does not fit its kind."""
    if isinstance(error, ExpressionFailed):
        return _expression_failed(error, error.message, list(error.path))
    problems = [
        {"path": ["with", *(str(part) for part in item["loc"])], "message": item["msg"]} for item in error.errors()
    ]
    message = f"{'.'.join(problems[0]['path'])}: {problems[0]['message']}"
    return Failure(
        kind=FailureKind.TASK, code="invalid_with", message=message, retryable=False, details={"problems": problems}
    )


def refused_expression(error: ExpressionFailed, where: str, *, step_id: str | None = None) -> Failure:
    """Of an expression in the member `where` of a step, or of the whole definition."""
    return _expression_failed(error, f"{where}: {error.message}", [where, *error.path], step_id)


def _expression_failed(error: ExpressionFailed, message: str, path: list[str], step_id: str | None = None) -> Failure:
    return Failure(
        kind=FailureKind.TASK,
        code="expression_failed",
        message=message,
        step_id=step_id,
        retryable=False,
        details={"path": path, "expression": error.source},
    )
