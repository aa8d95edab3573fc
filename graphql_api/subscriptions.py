"""The root of subscriptions."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, TypeVar, cast

import strawberry

from engine.usecases.triggers.watching import watch_deliveries
from engine.usecases.watch_batch import watch_batch
from engine.usecases.watch_execution import watch_execution
from engine.usecases.watch_executions import watch_executions
from graphql_api.context import Info
from graphql_api.fanout.sharing import Beginning, Shared
from graphql_api.text import storable
from graphql_api.types.batch import Batch
from graphql_api.types.event import ExecutionEvent
from graphql_api.types.events import public_event
from graphql_api.types.execution import Execution
from graphql_api.types.filters import ExecutionFilter, execution_filter
from graphql_api.types.resolvers import subscription
from graphql_api.types.trigger_delivery import TriggerDelivery

T = TypeVar("T")

SHARED = {
    "executionEvents": Shared(Beginning.LOG, resumes_by="after"),
    "executionUpdated": Shared(Beginning.NOTHING),
    "batchProgress": Shared(Beginning.LATEST),
    "triggerDeliveries": Shared(Beginning.NOTHING),
}
"""Whose events are executed once for all who ask the same."""


@strawberry.type(description="What can be watched. Errors, such as NOT_FOUND, end a subscription.")
class Subscription:
    @subscription(
        "The log after `after`, then live, gap-free; completes when the execution is terminal. Whoever reconnects with "
        "the last seq it saw misses nothing and sees nothing twice; over SSE, `Last-Event-ID` does the same."
    )
    async def execution_events(
        self,
        info: Info,
        execution_id: Annotated[strawberry.ID, strawberry.argument(description="The execution's id.")],
        after: Annotated[
            int | None, strawberry.argument(description="Events behind this seq; 0 starts at the first.")
        ] = 0,
        include_ephemeral: Annotated[  # noqa: FBT002 # Strawberry passes arguments by name
            bool | None, strawberry.argument(description="With progress and output deltas, which have no seq.")
        ] = True,
    ) -> AsyncGenerator[ExecutionEvent, None]:
        context = info.context
        watched = watch_execution(
            context.services,
            context.caller,
            storable(execution_id, "executionId"),
            after=context.position.after or after or 0,
            ephemeral=include_ephemeral is not False,
        )
        async with _closing(watched) as entries:
            async for entry in entries:
                context.position.seq = entry.seq
                yield public_event(execution_id, entry)

    @subscription("Executions that match, each time one changes; starts with nothing.")
    async def execution_updated(
        self,
        info: Info,
        filter_: Annotated[
            ExecutionFilter | None, strawberry.argument(name="filter", description="Narrows them down; null is all.")
        ] = None,
    ) -> AsyncGenerator[Execution, None]:
        watched = watch_executions(info.context.services, info.context.caller, execution_filter(filter_))
        async with _closing(watched) as views:
            async for view in views:
                info.context.position.subject = view.state.id
                yield Execution(view=view)

    @subscription("The batch now, and after each change; completes when all its executions are terminal.")
    async def batch_progress(
        self,
        info: Info,
        batch_id: Annotated[strawberry.ID, strawberry.argument(name="id", description="The batch's id.")],
    ) -> AsyncGenerator[Batch, None]:
        watched = watch_batch(info.context.services, info.context.caller, storable(batch_id, "id"))
        async with _closing(watched) as batches:
            async for batch in batches:
                info.context.position.subject = batch.id
                yield Batch.of(batch)

    @subscription(
        "What a trigger does with events, from now on: each delivery, and again when its outcome changes. Starts with nothing; "
        "completes when the trigger is deleted."
    )
    async def trigger_deliveries(
        self, info: Info, name: Annotated[str, strawberry.argument(description="The trigger's name.")]
    ) -> AsyncGenerator[TriggerDelivery, None]:
        watched = watch_deliveries(info.context.services, info.context.caller, storable(name, "name"))
        async with _closing(watched) as deliveries:
            async for delivery in deliveries:
                info.context.position.subject = delivery.id
                yield TriggerDelivery.of(delivery)


def _closing(watched: AsyncIterator[T]) -> "aclosing[AsyncGenerator[T, None]]":
    """Use cases that watch are generators, which hold a place in the hub until they are closed."""
    return aclosing(cast("AsyncGenerator[T, None]", watched))
