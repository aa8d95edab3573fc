"""What mutations answer: the changed thing, null if nothing changed, and `errors`, empty if all went well."""

import strawberry

from graphql_api.types.batch import Batch
from graphql_api.types.errors import UserError
from graphql_api.types.execution import Execution
from graphql_api.types.scalars import JSON
from graphql_api.types.trigger import Trigger
from graphql_api.types.workflow import Workflow

ERRORS = "What could not be done, and why; empty if all went well."


@strawberry.type(description="The answer of mutations of a workflow.")
class WorkflowPayload:
    workflow: Workflow | None = strawberry.field(description="The workflow as it is now; null if nothing changed.")
    errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="The answer of mutations that delete something.")
class DeletePayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="The id of what is gone; null if nothing was deleted."
    )
    errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="The answer of mutations of an execution.")
class ExecutionPayload:
    execution: Execution | None = strawberry.field(description="The execution as it is now; null if nothing changed.")
    errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="The answer of mutations of a trigger.")
class TriggerPayload:
    trigger: Trigger | None = strawberry.field(description="The trigger as it is now; null if nothing changed.")
    errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="The answer of publishing an event.")
class PublishEventPayload:
    event_id: str | None = strawberry.field(description="The event's id; null if it was refused.")
    errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="The answer of a live edit.")
class EditExecutionPayload:
    execution: Execution | None = strawberry.field(
        description="The execution as it is now: with the edit, or without it in a dry run; null if the edit was "
        "refused."
    )
    diff: JSON | None = strawberry.field(description="What the edit changes; null if it was refused.")
    errors: list[UserError] = strawberry.field(description=ERRORS)


@strawberry.type(description="The answer of mutations over many items.")
class BatchPayload:
    batch: Batch | None = strawberry.field(description="The batch; null if nothing was admitted at all.")
    errors: list[UserError] = strawberry.field(description=ERRORS + " Refused items stand in `batch.items`.")
