"""What is wrong with a definition."""

import strawberry

from graphql_api.types.errors import ValidationError


@strawberry.type(description="What is wrong with a definition.")
class ValidationReport:
    valid: bool = strawberry.field(description="Whether nothing is wrong.")
    problems: list[ValidationError] = strawberry.field(
        description="All problems at once; their paths begin in the definition."
    )
