"""The interface of all events."""

from datetime import datetime

import strawberry


@strawberry.interface(
    description="An entry of an execution's log. seq is null on ephemeral events, which are live only: progress and "
    "output deltas."
)
class ExecutionEvent:
    execution_id: strawberry.ID = strawberry.field(description="The execution whose log this is.")
    seq: int | None = strawberry.field(
        description="The place in the log, from 1 without gaps; null on ephemeral events."
    )
    at: datetime = strawberry.field(description="When it was decided.")
