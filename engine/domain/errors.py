"""Everything the engine refuses or fails with: one root, stable codes, typed attributes, no transport words."""

from collections.abc import Sequence
from typing import ClassVar

import msgspec

Path = tuple[str, ...]
"""Segments from the input's root; list positions are decimal numbers."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with an input. `line` counts from 1 and is known for YAML alone."""

    message: str
    path: Path = ()
    hint: str | None = None
    line: int | None = None


class WeftError(Exception):
    """The root. `code` is stable and part of the API; `path` leads to the offending part of the input."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str, *, path: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class ValidationFailed(WeftError):
    """The input does not fit its rules. Carries every problem that was found."""

    code = "VALIDATION_FAILED"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        super().__init__(first.message, path=first.path)
        self.problems = tuple(problems)


class NotFound(WeftError):
    code = "NOT_FOUND"


class AlreadyExists(WeftError):
    code = "ALREADY_EXISTS"

    def __init__(self, message: str, *, path: Path | None = None, existing_id: str | None = None) -> None:
        super().__init__(message, path=path)
        self.existing_id = existing_id


class RevisionConflict(WeftError):
    """The caller's `expectedVersion` or `expectedRevision` is not the current one."""

    code = "CONFLICT"

    def __init__(self, message: str, *, path: Path | None = None, current: int | None = None) -> None:
        super().__init__(message, path=path)
        self.current = current


class IdempotencyMismatch(WeftError):
    """The key was used before with another request."""

    code = "IDEMPOTENCY_MISMATCH"

    def __init__(self, message: str, *, path: Path | None = None, existing_id: str | None = None) -> None:
        super().__init__(message, path=path)
        self.existing_id = existing_id


class InvalidState(WeftError):
    """The thing exists, but its status does not allow the command."""

    code = "INVALID_STATE"


class PermissionDenied(WeftError):
    code = "PERMISSION_DENIED"


class LimitExceeded(WeftError):
    """A count, rate or concurrency limit. `retry_after_seconds` is None where waiting does not help."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, message: str, *, path: Path | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message, path=path)
        self.retry_after_seconds = retry_after_seconds


class PayloadTooLarge(WeftError):
    code = "PAYLOAD_TOO_LARGE"


class ConfirmationRequired(WeftError):
    code = "CONFIRMATION_REQUIRED"


class Unavailable(WeftError):
    """The machinery (store, bus) did not answer or could not write; nothing was changed. Trying again may help."""

    code = "UNAVAILABLE"


class BadRequest(WeftError):
    """An argument that the schema's types cannot rule out, such as a page size of 0 or a cursor that is not ours."""

    code = "BAD_USER_INPUT"
