"""What one step did in one execution."""

import base64
from datetime import datetime

import strawberry

from engine.domain.events import StepStarted, StepSucceeded
from engine.usecases.views import StepRunView
from graphql_api.context import Info
from graphql_api.types.enums import StepStatus
from graphql_api.types.failure import Failure, Usage, WaitingFor
from graphql_api.types.resolvers import resolved
from graphql_api.types.scalars import JSON


@strawberry.type(description="What one step did in one execution.")
class StepRun:
    id: strawberry.ID = strawberry.field(description="Unique over all executions. Opaque.")
    step_id: str = strawberry.field(
        description="The step's id; nested ones as parent.child, items of a map as parent[3].child."
    )
    kind: str = strawberry.field(description="The kind of step; see `stepKinds`.")
    status: StepStatus = strawberry.field(description="Where it stands.")
    attempt: int = strawberry.field(description="The current or last attempt, from 1; 0 before the first.")
    failure: Failure | None = strawberry.field(description="Why the last attempt failed; null if it did not.")
    started_at: datetime | None = strawberry.field(description="When the last attempt began; null before the first.")
    finished_at: datetime | None = strawberry.field(description="When it was done; null before that.")
    waiting_for: WaitingFor | None = strawberry.field(
        description="What it waits for: of several interrupts the oldest; null unless it is WAITING."
    )
    usage: Usage | None = strawberry.field(description="What its model calls consumed; null if it made none.")
    view: strawberry.Private[StepRunView]

    @resolved("Its settings, rendered, without secrets; null before it began.")
    async def input(self, info: Info) -> JSON | None:
        seq = self.view.run.started_seq
        event = await info.context.loaders.events.load((self.view.execution_id, seq)) if seq else None
        return JSON(event.input) if isinstance(event, StepStarted) else None

    @resolved("What it gave; null before it succeeded.")
    async def output(self, info: Info) -> JSON | None:
        seq = self.view.run.ended_seq
        event = await info.context.loaders.events.load((self.view.execution_id, seq)) if seq else None
        return JSON(event.output) if isinstance(event, StepSucceeded) else None

    @staticmethod
    def of(view: StepRunView) -> "StepRun":
        run = view.run
        return StepRun(
            id=step_run_id(view.execution_id, view.step_id),
            step_id=view.step_id,
            kind=run.kind,
            status=run.status,
            attempt=run.attempt,
            failure=Failure.of(run.failure) if run.failure else None,
            started_at=run.started_at,
            finished_at=run.finished_at,
            waiting_for=WaitingFor.of(run.waits[0]) if run.waits else None,
            usage=Usage.of(run.usage) if run.usage else None,
            view=view,
        )


def step_run_id(execution_id: str, step_id: str) -> strawberry.ID:
    return strawberry.ID("sr_" + base64.urlsafe_b64encode(f"{execution_id}/{step_id}".encode()).rstrip(b"=").decode())
