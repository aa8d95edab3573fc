"""What a failing model call means: exceptions of LangChain, the providers' clients and their HTTP as the codes of
`model_failures`.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelNotFoundError,
    ModelPermissionDeniedError,
    ModelTimeoutError,
)

from engine.executors.model_failures import model_failure
from engine.executors.port import StepFailure

_TOO_LONG = re.compile(
    r"context.?(length|window)|maximum context|too many (input )?tokens|prompt is too long", re.IGNORECASE
)
_FILTERED = re.compile(r"content.?(filter|management|policy)", re.IGNORECASE)
_CLASSES: tuple[tuple[type[BaseException], str], ...] = (
    (ContextOverflowError, "context_too_long"),
    (ModelAuthenticationError, "authentication_failed"),
    (ModelPermissionDeniedError, "authentication_failed"),
    (ModelNotFoundError, "model_not_found"),
    (ModelTimeoutError, "model_timeout"),
    (ModelConnectionError, "model_unavailable"),
)
_NAMES = {
    "ContentFilterFinishReasonError": "content_filtered",
    "LengthFinishReasonError": "output_schema_violation",
}
"""Of the openai package, which is optional; raised where a structured reply ends for that reason."""
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TIMEOUT, _RATE, _SERVER = 400, 401, 403, 404, 408, 429, 500


def translated(error: Exception, model: str, *, streaming: bool) -> StepFailure:
    """`error`, raised by a call of `model`, as the step's failure. `streaming`: a part of the reply had come."""
    if isinstance(error, StepFailure):
        return error
    code = _code(error)
    if streaming and code == "model_unavailable":
        code = "stream_broken"
    details: dict[str, Any] = {"model": model, "type": type(error).__name__}
    status = _status(error)
    if status is not None:
        details["status"] = status
    retry_after = _retry_after(error)
    if retry_after is not None:
        details["retry_after_seconds"] = retry_after
    return model_failure(code, f"{model}: {_message(error)}", details)


def _code(error: Exception) -> str:
    for kind, code in _CLASSES:
        if isinstance(error, kind):
            return code
    name = type(error).__name__
    if name in _NAMES:
        return _NAMES[name]
    status = _status(error)
    if status is not None:
        # OpenAI's client keeps the reason out of its message: `context_length_exceeded` is in `code` alone.
        return _code_of_status(status, f"{getattr(error, 'code', '')} {error}")
    return _code_of_transport(error)


def _code_of_status(status: int, message: str) -> str:
    named = {
        _UNAUTHORIZED: "authentication_failed",
        _FORBIDDEN: "authentication_failed",
        _NOT_FOUND: "model_not_found",
        _TIMEOUT: "model_timeout",
        _RATE: "rate_limited",
    }
    if status in named:
        return named[status]
    if status >= _SERVER:
        return "model_unavailable"
    if status < _BAD_REQUEST:
        return "model_failed"
    if _TOO_LONG.search(message):
        return "context_too_long"
    return "content_filtered" if _FILTERED.search(message) else "bad_request"


def _code_of_transport(error: Exception) -> str:
    """By the names of the class and its ancestors: httpx and httpx2, aiohttp and the providers' clients have them
    alike, and none of these packages has to be there.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"TimeoutException", "TimeoutError", "APITimeoutError", "DeadlineExceeded"}:
        return "model_timeout"
    if names & {
        "TransportError",
        "ConnectionError",
        "ClientConnectionError",
        "APIConnectionError",
        "ServiceUnavailable",
    }:
        return "model_unavailable"
    return "model_failed"


def _status(error: Exception) -> int | None:
    for source in (error, getattr(error, "response", None)):
        for name in ("status_code", "code", "status"):
            value = getattr(source, name, None)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None


def _retry_after(error: Exception) -> float | None:
    stated = getattr(error, "retry_after", None)
    if isinstance(stated, timedelta):
        return stated.total_seconds()
    headers = getattr(getattr(error, "response", None), "headers", None)
    if not isinstance(headers, Mapping):
        return None
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return float(headers[name]) / unit
        except (KeyError, ValueError):  # absent, or a date
            continue
    return None


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__
