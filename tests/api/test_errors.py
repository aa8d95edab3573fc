"""How refusals look on the wire."""

from datetime import timedelta

import pytest
from graphql import GraphQLError
from strawberry import ID

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
from graphql_api.errors import attempt, formatted, item_error, user_errors
from graphql_api.types.enums import ErrorCode
from graphql_api.types.errors import ConflictError, GenericError, LimitError, UserError, ValidationError


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (NotFound("m", path=("id",)), GenericError(code=ErrorCode.NOT_FOUND, message="m", path=["id"])),
        (InvalidState("m"), GenericError(code=ErrorCode.INVALID_STATE, message="m", path=None)),
        (PermissionDenied("m"), GenericError(code=ErrorCode.PERMISSION_DENIED, message="m", path=None)),
        (ConfirmationRequired("m"), GenericError(code=ErrorCode.CONFIRMATION_REQUIRED, message="m", path=None)),
        (BadRequest("m"), ValidationError(code=ErrorCode.VALIDATION_FAILED, message="m", path=None, hint=None)),
        (
            RevisionConflict("m", current=3),
            ConflictError(code=ErrorCode.CONFLICT, message="m", path=None, current_revision=3, existing_id=None),
        ),
        (
            AlreadyExists("m", existing_id="wf_1"),
            ConflictError(
                code=ErrorCode.ALREADY_EXISTS, message="m", path=None, current_revision=None, existing_id=ID("wf_1")
            ),
        ),
        (
            IdempotencyMismatch("m"),
            ConflictError(
                code=ErrorCode.IDEMPOTENCY_MISMATCH, message="m", path=None, current_revision=None, existing_id=None
            ),
        ),
        (
            LimitExceeded("m", retry_after_seconds=1.5),
            LimitError(code=ErrorCode.LIMIT_EXCEEDED, message="m", path=None, retry_after=timedelta(seconds=1.5)),
        ),
        (
            PayloadTooLarge("m"),
            LimitError(code=ErrorCode.PAYLOAD_TOO_LARGE, message="m", path=None, retry_after=None),
        ),
    ],
)
async def test_a_mutation_shows_a_refusal_as_data(error: WeftError, shown: UserError) -> None:
    async def act() -> None:
        raise error

    assert await attempt(None, act) == (None, [shown])
    assert user_errors(error) == [shown]


async def test_every_problem_of_an_input_is_an_error_of_its_own() -> None:
    problems = [Problem(message="a", path=("input", "n"), hint="h"), Problem(message="b", line=7)]
    assert user_errors(ValidationFailed(problems)) == [
        ValidationError(code=ErrorCode.VALIDATION_FAILED, message="a", path=["input", "n"], hint="h"),
        ValidationError(code=ErrorCode.VALIDATION_FAILED, message="b (line 7)", path=[], hint=None),
    ]


@pytest.mark.parametrize("error", [Unavailable("the disk is full"), RuntimeError("a bug"), WeftError("a bug")])
async def test_what_a_caller_cannot_mend_is_no_data(error: Exception) -> None:
    async def act() -> None:
        raise error

    with pytest.raises(type(error)):
        await attempt(None, act)


def test_an_error_of_the_engine_that_is_not_public_shows_no_message() -> None:
    shown = formatted(GraphQLError("x", original_error=WeftError("tenants/t/executions/ex_1 was changed")))
    assert shown["extensions"]["code"] == "INTERNAL"
    assert "tenants" not in str(shown)


def test_a_limit_outside_of_a_mutation_says_when_to_try_again() -> None:
    limit = LimitExceeded("m", path=("input",), retry_after_seconds=2)
    shown = formatted(GraphQLError("x", original_error=limit))
    assert shown["extensions"] == {"code": "LIMIT_EXCEEDED", "argumentPath": ["input"], "retryAfterSeconds": 2}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ItemError(code="NOT_FOUND", message="m", path=("workflow",)), GenericError),
        (ItemError(code="BAD_USER_INPUT", message="m"), ValidationError),
        (ItemError(code="VALIDATION_FAILED", message="m", problems=(Problem(message="p"),)), ValidationError),
    ],
)
def test_an_item_of_a_batch_has_one_error(error: ItemError, kind: type[UserError]) -> None:
    assert type(item_error(error)) is kind
