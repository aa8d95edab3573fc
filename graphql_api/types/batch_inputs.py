"""The inputs of mutations over many items."""

import strawberry

from graphql_api.types.enums import BatchMode
from graphql_api.types.execution_inputs import REASON, StartExecutionInput
from graphql_api.types.filters import ExecutionFilter
from graphql_api.types.inputs import KEY

MODE = "What happens when some items are refused."


@strawberry.input(description="Many new executions.")
class StartExecutionsInput:
    items: list[StartExecutionInput] = strawberry.field(description="The executions.")
    mode: BatchMode = strawberry.field(default=BatchMode.BEST_EFFORT, description=MODE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Many executions: ids, or a filter; a filter that names nothing needs confirm.")
class BulkExecutionsInput:
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="These executions; null where a filter is given."
    )
    filter: ExecutionFilter | None = strawberry.field(
        default=None, description="The executions that fit now; null where ids are given."
    )
    reason: str | None = strawberry.field(default=None, description=REASON)
    confirm: bool = strawberry.field(default=False, description="Yes, all executions are meant.")
    mode: BatchMode = strawberry.field(default=BatchMode.BEST_EFFORT, description=MODE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)
