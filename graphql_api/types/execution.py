"""An execution: one run of one version of a workflow."""

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Optional

import strawberry

from engine.usecases import read_executions
from engine.usecases.paging import PageRequest
from engine.usecases.read_events import list_events
from engine.usecases.read_executions import (
    count_executions,
    execution_plan,
    list_executions,
    state_value,
    stored_size,
)
from engine.usecases.read_step_runs import count_step_runs, list_step_runs, step_run
from engine.usecases.views import ExecutionView
from graphql_api.context import Info
from graphql_api.mermaid import flowchart
from graphql_api.room import may_read
from graphql_api.text import storable

# See workflow.py: the two modules name each other.
from graphql_api.types import trigger, workflow
from graphql_api.types.enums import ExecutionStatus
from graphql_api.types.events import ExecutionEventConnection, event_connection
from graphql_api.types.failure import Failure, Usage
from graphql_api.types.filters import (
    ExecutionFilter,
    ExecutionOrder,
    StepRunFilter,
    descending,
    execution_filter,
    step_run_filter,
)
from graphql_api.types.node import Node
from graphql_api.types.pages import After, Connection, First, connection, page_request
from graphql_api.types.progress import Progress
from graphql_api.types.resolvers import read, resolved
from graphql_api.types.scalars import JSON
from graphql_api.types.step_run import StepRun
from graphql_api.types.version import WorkflowVersion

if TYPE_CHECKING:
    from graphql_api.types.trigger import Trigger
    from graphql_api.types.workflow import Workflow


@strawberry.type(description="One run of one version of a workflow.")
class Execution(Node):
    view: strawberry.Private[ExecutionView]
    id: strawberry.ID = read("view.state.id", "Unique over all types. Opaque: do not take it apart.")
    status: ExecutionStatus = read("view.state.status", "Where it stands.")
    revision: int = read("view.state.revision", "From 1; raised by every live edit.")
    last_seq: int = read("view.state.seq", "The seq of the newest event of its log.")
    lane: str = read("view.state.lane", "The admission queue it waits in before it runs.")
    priority: int = read("view.state.priority", "Higher ones are admitted first within a lane.")
    labels: JSON = read("view.state.labels", "Object of texts: whatever its owner wants to find it by.")
    created_at: datetime = read("view.state.created_at", "When it was accepted.")
    started_at: datetime | None = read("view.state.started_at", "When a worker took it up; null before that.")
    finished_at: datetime | None = read("view.state.finished_at", "When it became terminal; null before that.")
    deadline: datetime | None = read("view.state.deadline", "When it times out; null if it never does.")

    @resolved("Why it failed or timed out; null if it did not.")
    def failure(self) -> Failure | None:
        failure = self.view.state.failure
        return Failure.of(failure) if failure else None

    @resolved("What all its model calls consumed so far.")
    def usage(self) -> Usage:
        return Usage.of(self.view.state.usage)

    @resolved("What it was started with, defaults applied.")
    async def input(self, info: Info) -> JSON:
        return await self._value(info, self.view.state.input)

    @resolved("What it gave; null before it succeeded, or if it gives nothing.")
    async def output(self, info: Info) -> JSON | None:
        return await self._value(info, self.view.state.output)

    @resolved("The workflow that it runs.")
    async def workflow(self, info: Info) -> Annotated["Workflow", strawberry.lazy("graphql_api.types.workflow")]:
        return await workflow.workflow_of(info, self.view.state.workflow_id)

    @resolved("The version that it runs, without its live edits; see `definition`.")
    async def version(self, info: Info) -> WorkflowVersion:
        return await workflow.version_of(info, self.view.state.workflow_id, self.view.state.version)

    @resolved("How many of its top-level steps are done.")
    async def progress(self, info: Info) -> Progress:
        plan = await execution_plan(info.context.services, info.context.caller, self.view)
        return Progress.of(read_executions.progress(self.view, plan))

    @resolved("The trigger that started it; null if none did, or if it is gone.")
    async def trigger(self, info: Info) -> Annotated["Trigger", strawberry.lazy("graphql_api.types.trigger")] | None:
        return await trigger.trigger_of(info, self.view.state.trigger_id)

    @resolved("The execution whose step started this one; null if no step did, or if it is gone.")
    async def parent(self, info: Info) -> Optional["Execution"]:
        return await execution_of(info, self.view.state.parent_id)

    @resolved("The execution that this one was retried or forked from; null if neither, or if it is gone.")
    async def forked_from(self, info: Info) -> Optional["Execution"]:
        return await execution_of(info, self.view.state.forked_from)

    @resolved("The executions that its steps started, newest first.")
    async def children(self, info: Info, first: First = 20, after: After = None) -> Connection["Execution"]:
        wanted = read_executions.ExecutionFilter(parent_id=self.view.state.id)
        return await _page(info, wanted, newest_first=True, request=page_request(first, after))

    @resolved("One step run; null if the execution has no such step.")
    async def step(
        self, info: Info, step_id: Annotated[str, strawberry.argument(name="id", description="See `StepRun.stepId`.")]
    ) -> StepRun | None:
        found = await step_run(info.context.services, info.context.caller, self.view, storable(step_id, "id"))
        return StepRun.of(found) if found else None

    @resolved(
        "Its step runs, in order of definition: nested ones behind theirs, in order of beginning. Steps that have not "
        "begun "
        "are PENDING."
    )
    async def steps(
        self,
        info: Info,
        filter_: Annotated[
            StepRunFilter | None, strawberry.argument(name="filter", description="Narrows them down.")
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[StepRun]:
        services, caller, wanted = info.context.services, info.context.caller, step_run_filter(filter_)
        page = await list_step_runs(services, caller, self.view, wanted, page_request(first, after, default=50))
        return connection(page, StepRun.of, partial(count_step_runs, services, caller, self.view, wanted))

    @resolved("Its log, oldest first.")
    async def events(
        self,
        info: Info,
        after: Annotated[
            int | None, strawberry.argument(description="Events behind this seq; 0 starts at the first.")
        ] = 0,
        first: First = 100,
    ) -> ExecutionEventConnection:
        begin = after or 0
        size = 100 if first is None else first
        context, execution_id = info.context, self.view.state.id
        page = await list_events(context.services, context.caller, execution_id, after=begin, first=size)
        return event_connection(execution_id, page.entries, after=begin, has_next=page.has_next)

    @resolved("The steps as they stand, live edits included.")
    async def definition(self, info: Info) -> JSON:
        plan = await execution_plan(info.context.services, info.context.caller, self.view)
        return JSON(plan.definition)

    @resolved("Mermaid flowchart of the steps as they stand, coloured by status.")
    async def mermaid(self, info: Info) -> str:
        plan = await execution_plan(info.context.services, info.context.caller, self.view)
        return flowchart(plan.definition, {path: run.status for path, run in self.view.runs.items()})

    async def _value(self, info: Info, value: object) -> JSON:
        """In full, unless the answer has no room for it."""
        if not may_read(stored_size(value)):
            return JSON(False)  # noqa: FBT003 # a value as good as any: the answer is replaced
        return JSON(await state_value(info.context.services, info.context.caller, self.view, value))


async def execution_of(info: Info, execution_id: str | None) -> Execution | None:
    found = await info.context.loaders.executions.load(execution_id) if execution_id else None
    return Execution(view=found) if found else None


async def execution_page(
    info: Info, given: ExecutionFilter | None, order: ExecutionOrder | None, request: PageRequest
) -> Connection[Execution]:
    return await _page(info, execution_filter(given), newest_first=descending(order), request=request)


async def _page(
    info: Info, wanted: read_executions.ExecutionFilter, *, newest_first: bool, request: PageRequest
) -> Connection[Execution]:
    services, caller = info.context.services, info.context.caller
    page = await list_executions(services, caller, wanted, descending=newest_first, page=request)
    return connection(page, _shown, partial(count_executions, services, caller, wanted))


def _shown(view: ExecutionView) -> Execution:
    return Execution(view=view)
