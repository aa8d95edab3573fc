"""The inputs of mutations of workflows."""

import strawberry

from graphql_api.types.scalars import JSON

DEFINITION = "JSON object, or a string of YAML."
LABELS = "Object of texts, to find it by: added to those of the definition."


@strawberry.input(description="A new workflow.")
class CreateWorkflowInput:
    definition: JSON = strawberry.field(description=DEFINITION)
    activate: bool = strawberry.field(default=True, description="Make its first version the active one at once.")
    labels: JSON | None = strawberry.field(default=None, description=LABELS)


@strawberry.input(description="A new version of a workflow.")
class UpdateWorkflowInput:
    name: str = strawberry.field(description="The workflow's name; it cannot be changed.")
    definition: JSON = strawberry.field(description=DEFINITION)
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse with CONFLICT unless this is the latest version; null replaces any."
    )
    activate: bool = strawberry.field(default=True, description="Make the new version the active one at once.")
    labels: JSON | None = strawberry.field(default=None, description=LABELS)


@strawberry.input(description="Which version new executions shall use.")
class ActivateWorkflowInput:
    name: str = strawberry.field(description="The workflow's name.")
    version: int = strawberry.field(description="The version's number.")
