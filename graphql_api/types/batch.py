"""A batch: one request over many items."""

from datetime import datetime
from functools import partial
from typing import Annotated

import strawberry

from engine.domain import batch as domain
from engine.usecases.read_batches import count_batch_items, list_batch_items
from graphql_api.context import Info
from graphql_api.errors import item_error
from graphql_api.types.enums import BatchAction, BatchMode, BatchStatus
from graphql_api.types.errors import UserError
from graphql_api.types.execution import Execution, execution_of
from graphql_api.types.node import Node
from graphql_api.types.pages import After, Connection, First, connection, page_request
from graphql_api.types.resolvers import resolved


@strawberry.type(description="One item of a batch.")
class BatchItem:
    index: int = strawberry.field(description="Its place in the request, from 0.")
    error: UserError | None = strawberry.field(description="Why it was rejected; null if it was not.")
    item: strawberry.Private[domain.BatchItem]

    @resolved("What it started or acted on; null if it was rejected, or is yet to be carried out.")
    async def execution(self, info: Info) -> Execution | None:
        return await execution_of(info, self.item.execution_id)

    @staticmethod
    def of(item: domain.BatchItem) -> "BatchItem":
        return BatchItem(index=item.index, error=item_error(item.error) if item.error else None, item=item)


@strawberry.type(description="One request over many items.")
class Batch(Node):
    action: BatchAction = strawberry.field(description="What is done with each item.")
    mode: BatchMode = strawberry.field(description="What happens when some items are refused.")
    status: BatchStatus = strawberry.field(description="Where it stands.")
    total: int = strawberry.field(description="All items.")
    accepted: int = strawberry.field(description="Items that were admitted.")
    rejected: int = strawberry.field(description="Items that were refused.")
    finished: int = strawberry.field(description="Executions that have reached a terminal status, however they ended.")
    succeeded: int = strawberry.field(description="Executions that have succeeded.")
    failed: int = strawberry.field(description="Executions that have failed, timed out or were cancelled.")
    created_at: datetime = strawberry.field(description="When it was accepted.")

    @resolved("Its items, in order of the request.")
    async def items(
        self,
        info: Info,
        first: First = 50,
        after: After = None,
        only_errors: Annotated[  # noqa: FBT002 # Strawberry passes arguments by name
            bool | None, strawberry.argument(description="Only items that were rejected.")
        ] = False,
    ) -> Connection[BatchItem]:
        services, caller, batch_id = info.context.services, info.context.caller, str(self.id)
        chosen = bool(only_errors)
        request = page_request(first, after, default=50)
        page = await list_batch_items(services, caller, batch_id, only_errors=chosen, page=request)
        return connection(
            page, BatchItem.of, partial(count_batch_items, services, caller, batch_id, only_errors=chosen)
        )

    @staticmethod
    def of(batch: domain.Batch) -> "Batch":
        return Batch(
            id=strawberry.ID(batch.id),
            action=batch.action,
            mode=batch.mode,
            status=batch.status,
            total=batch.total,
            accepted=batch.accepted,
            rejected=batch.rejected,
            finished=batch.finished,
            succeeded=batch.succeeded,
            failed=batch.failed,
            created_at=batch.created_at,
        )
