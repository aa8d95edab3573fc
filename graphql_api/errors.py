"""How errors look on the wire: as data in a mutation's payload, or as a top-level error with `extensions.code`.

| what happened | in a mutation | elsewhere |
|---|---|---|
| the request cannot be carried out (`_REFUSALS`) | `errors` of the payload | top-level, the error's own code |
| a problem of the input | `errors`, one for each problem | top-level, BAD_USER_INPUT |
| store or bus do not answer | top-level, UNAVAILABLE | the same |
| anything else: our mistake | top-level, INTERNAL, with an id that stands in the log beside the stack | the same |
"""

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLError

from engine.domain.batch import ItemError
from engine.domain.errors import (
    AlreadyExists,
    BadRequest,
    ConfirmationRequired,
    IdempotencyMismatch,
    InvalidState,
    LimitExceeded,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    Problem,
    RevisionConflict,
    Unavailable,
    ValidationFailed,
    WeftError,
)
from graphql_api.text import check_texts
from graphql_api.types.enums import ErrorCode
from graphql_api.types.errors import ConflictError, GenericError, LimitError, UserError, ValidationError

T = TypeVar("T")
log = logging.getLogger(__name__)

BAD_USER_INPUT = "BAD_USER_INPUT"
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
UNAUTHENTICATED = "UNAUTHENTICATED"
INTERNAL = "INTERNAL"

_REFUSALS = (
    AlreadyExists,
    BadRequest,
    ConfirmationRequired,
    IdempotencyMismatch,
    InvalidState,
    LimitExceeded,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    RevisionConflict,
    ValidationFailed,
)


async def attempt(given: object, act: Callable[[], Awaitable[T]]) -> tuple[T | None, list[UserError]]:
    """What a mutation did, or why not. `given` is its input. What a caller cannot mend is raised on."""
    try:
        check_texts(given)
        return await act(), []
    except _REFUSALS as refusal:
        return None, user_errors(refusal)


def user_errors(error: WeftError) -> list[UserError]:
    if isinstance(error, ValidationFailed):
        return [validation_error(problem) for problem in error.problems]
    return [_user_error(error, None if error.path is None else list(error.path))]


def _user_error(error: WeftError, path: list[str] | None) -> UserError:
    match error:
        case BadRequest():
            return ValidationError(code=ErrorCode.VALIDATION_FAILED, message=error.message, path=path, hint=None)
        case RevisionConflict():
            return _conflict(error, path, current=error.current)
        case AlreadyExists() | IdempotencyMismatch():
            return _conflict(error, path, existing=error.existing_id)
        case LimitExceeded():
            return _limit(error, path, error.retry_after_seconds)
        case PayloadTooLarge():
            return _limit(error, path, None)
        case _:
            return GenericError(code=ErrorCode(error.code), message=error.message, path=path)


def validation_error(problem: Problem) -> ValidationError:
    where = f" (line {problem.line})" if problem.line is not None else ""
    return ValidationError(
        code=ErrorCode.VALIDATION_FAILED, message=problem.message + where, path=list(problem.path), hint=problem.hint
    )


def item_error(error: ItemError) -> UserError:
    """Of several problems the first, since an item has one error."""
    if error.problems:
        return validation_error(error.problems[0])
    path = list(error.path) or None
    if error.code == BadRequest.code:
        return ValidationError(code=ErrorCode.VALIDATION_FAILED, message=error.message, path=path, hint=None)
    return GenericError(code=ErrorCode(error.code), message=error.message, path=path)


def formatted(error: GraphQLError, code: str | None = None) -> dict[str, Any]:
    """A top-level error. `code` is that of the stage that refused the request; errors of resolvers bring their own."""
    shown: dict[str, Any] = dict(error.formatted)
    original = error.original_error
    if isinstance(original, Unavailable):
        log.warning("Unavailable: %s", original.message)
    if isinstance(original, (*_REFUSALS, Unavailable)):
        shown["message"] = original.message
        shown["extensions"] = _extensions(original)
    elif original is not None and not isinstance(original, GraphQLError):
        shown["message"], shown["extensions"] = _internal(original)
    else:
        shown["extensions"] = {"code": code or BAD_USER_INPUT, **(error.extensions or {})}
    return shown


def formatted_exception(error: Exception) -> dict[str, Any]:
    """The same for what was raised outside of any field, such as by a subscription between two events."""
    return formatted(error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error))


def _extensions(error: WeftError) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": error.code}
    if isinstance(error, ValidationFailed):
        extensions["code"] = BAD_USER_INPUT
        extensions["problems"] = [
            {"message": problem.message, "path": list(problem.path)} for problem in error.problems
        ]
    if error.path is not None:
        extensions["argumentPath"] = list(error.path)
    if isinstance(error, LimitExceeded) and error.retry_after_seconds is not None:
        extensions["retryAfterSeconds"] = error.retry_after_seconds
    return extensions


def _internal(error: BaseException) -> tuple[str, dict[str, Any]]:
    error_id = secrets.token_hex(8)
    log.error("Internal error, id %s", error_id, exc_info=error)
    return f"Internal error, id {error_id}", {"code": INTERNAL, "id": error_id}


def _conflict(
    error: WeftError, path: list[str] | None, *, current: int | None = None, existing: str | None = None
) -> UserError:
    return ConflictError(
        code=ErrorCode(error.code),
        message=error.message,
        path=path,
        current_revision=current,
        existing_id=strawberry.ID(existing) if existing else None,
    )


def _limit(error: WeftError, path: list[str] | None, retry_after_seconds: float | None) -> UserError:
    wait = None if retry_after_seconds is None else timedelta(seconds=retry_after_seconds)
    return LimitError(code=ErrorCode(error.code), message=error.message, path=path, retry_after=wait)


def formatted_all(errors: Sequence[GraphQLError] | None, code: str | None = None) -> list[dict[str, Any]]:
    return [formatted(error, code) for error in errors or ()]
