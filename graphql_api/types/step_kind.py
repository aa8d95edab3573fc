"""A kind of step, for editors."""

import strawberry

from engine.usecases.step_kinds import StepKindInfo
from graphql_api.types.scalars import JSON


@strawberry.type(description="A kind of step that definitions may use.")
class StepKind:
    name: str = strawberry.field(description="As a step's `kind` gives it.")
    description: str = strawberry.field(description="What such a step does.")
    with_schema: JSON = strawberry.field(description="JSON Schema of a step's `with`.")

    @staticmethod
    def of(kind: StepKindInfo) -> "StepKind":
        return StepKind(name=kind.name, description=kind.description, with_schema=JSON(kind.with_schema))
