"""What a mutation could not do, as data."""

from datetime import timedelta

import strawberry

from graphql_api.types.enums import ErrorCode


@strawberry.interface(
    description="What a mutation could not do, as data. Authentication, syntax and overload are top-level errors with "
    "extensions.code."
)
class UserError:
    code: ErrorCode = strawberry.field(description="What kind of refusal it is; stable.")
    message: str = strawberry.field(description="What is wrong, for people.")
    path: list[str] | None = strawberry.field(
        description="""Segments from the input's root, such as ["input", "n"]; null where no part of it is to blame."""
    )


@strawberry.type(description="A part of the input does not fit its rules.")
class ValidationError(UserError):
    hint: str | None = strawberry.field(description="What to write instead; null where nothing sensible can be said.")


@strawberry.type(description="The input contradicts what is stored.")
class ConflictError(UserError):
    current_revision: int | None = strawberry.field(
        description="The current version or revision; null where it is not about one."
    )
    existing_id: strawberry.ID | None = strawberry.field(
        description="The thing that is in the way; null where there is none."
    )


@strawberry.type(description="A count, rate or concurrency limit, or a size.")
class LimitError(UserError):
    retry_after: timedelta | None = strawberry.field(
        description="When trying again may help; null where waiting does not."
    )


@strawberry.type(description="Any other refusal; `code` says which.")
class GenericError(UserError):
    pass
