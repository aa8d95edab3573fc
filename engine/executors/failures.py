"""What an exception means for the step that raised it."""

import re
import sys
from typing import Any

from engine.domain.errors import LimitExceeded, Unavailable, ValidationFailed, WeftError
from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.executors.port import StepFailure

MESSAGE_LIMIT = 4_000
"""Characters of a message that are kept: an exception may quote a whole response or document."""


def failure_of(error: BaseException, step_id: str) -> Failure:
    """`error` as the failure of the step that raised it.

    An executor's own `StepFailure` says all itself. `Unavailable` is the machinery's fault (INFRA); everything else is
    TASK, with the name of the exception's class in snake_case as its code.
    """
    error = _only_leaf(error)
    if isinstance(error, StepFailure):
        return _at(error.failure, step_id)
    if isinstance(error, WeftError):
        return _of_ours(error, step_id)
    return Failure(
        kind=FailureKind.TASK,
        code=_code(error),
        message=clean_text(_message(error)),
        step_id=step_id,
        retryable=not _certain_to_repeat(error),
        details={"type": _type_name(error)},
    )


def clean_text(text: str, limit: int = MESSAGE_LIMIT) -> str:
    """`text` as it can be stored and sent: no lone surrogates, no NUL, at most `limit` characters."""
    storable = text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    return storable if len(storable) <= limit else storable[: limit - 1] + "…"


def snake_case(name: str) -> str:
    """`HTTPStatusError` is `http_status_error`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"_+", "_", words).strip("_").lower()


def _only_leaf(error: BaseException) -> BaseException:
    """A task group wraps even a single exception; the one inside is what people look for."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _at(failure: Failure, step_id: str) -> Failure:
    return Failure(
        kind=failure.kind,
        code=failure.code,
        message=clean_text(failure.message),
        step_id=failure.step_id or step_id,
        retryable=failure.retryable,
        details=failure.details,
    )


def _of_ours(error: WeftError, step_id: str) -> Failure:
    infra = isinstance(error, Unavailable)
    details = None
    if isinstance(error, ValidationFailed):
        details = {"problems": [{"path": list(problem.path), "message": problem.message} for problem in error.problems]}
    return Failure(
        kind=FailureKind.INFRA if infra else FailureKind.TASK,
        code=error.code.lower(),
        message=clean_text(error.message),
        step_id=step_id,
        retryable=infra or isinstance(error, LimitExceeded),
        details=details,
    )


def _code(error: BaseException) -> str:
    if _is_invalid_resume(error):
        return "invalid_answer"
    return snake_case(type(error).__name__)[:100] or "error"


def _certain_to_repeat(error: BaseException) -> bool:
    """The same graph with the same input, or the same answer, ends the same way."""
    langgraph = _langgraph_errors()
    if langgraph is None:
        return False
    final = (langgraph.GraphRecursionError, langgraph.InvalidUpdateError)
    return _is_invalid_resume(error) or isinstance(error, final)


def _is_invalid_resume(error: BaseException) -> bool:
    langgraph = _langgraph_errors()
    return langgraph is not None and bool(langgraph.is_invalid_resume(error))


def _langgraph_errors() -> Any:
    """LangGraph's exceptions; None where nobody has imported them, so that nobody can have raised one (see `late.py`)."""
    module = sys.modules.get("langgraph.errors")
    # A module that a thread is importing just now is there before its last function is.
    return module if hasattr(module, "is_invalid_resume") else None


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an exception of user code whose __str__ is broken is still reported
        return f"{type(error).__name__}, whose message cannot be shown"
    return text or type(error).__name__


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
