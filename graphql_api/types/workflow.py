"""A workflow, its versions and its executions."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from engine.domain import workflow as domain
from engine.domain.errors import BadRequest, NotFound
from engine.usecases.read_workflows import count_versions, list_versions
from graphql_api.context import Info

# Workflow and Execution name each other, so each imports the other's module, not its names: either may come first.
from graphql_api.types import execution, trigger
from graphql_api.types.enums import WorkflowStatus
from graphql_api.types.filters import ExecutionFilter, ExecutionOrder
from graphql_api.types.node import Node
from graphql_api.types.pages import After, Connection, First, connection, page_request
from graphql_api.types.resolvers import resolved
from graphql_api.types.scalars import JSON
from graphql_api.types.version import WorkflowVersion

if TYPE_CHECKING:
    from graphql_api.types.execution import Execution
    from graphql_api.types.trigger import Trigger


@strawberry.type(description="A named definition with immutable, numbered versions.")
class Workflow(Node):
    name: str = strawberry.field(description="Unique in the tenant.")
    title: str | None = strawberry.field(description="The latest version's title; null if it has none.")
    description: str | None = strawberry.field(description="The latest version's description; null if it has none.")
    status: WorkflowStatus = strawberry.field(description="Whether it can be started.")
    labels: JSON = strawberry.field(description="Object of texts: whatever its owner wants to find it by.")
    created_at: datetime = strawberry.field(description="When its first version was saved.")
    updated_at: datetime = strawberry.field(description="When it was changed last.")
    workflow: strawberry.Private[domain.Workflow]

    @resolved("The version that was saved last.")
    async def latest_version(self, info: Info) -> WorkflowVersion:
        return await version_of(info, self.workflow.id, self.workflow.latest_version)

    @resolved("The version that new executions use; null while the workflow is a draft.")
    async def active_version(self, info: Info) -> WorkflowVersion | None:
        number = self.workflow.active_version
        return None if number is None else await version_of(info, self.workflow.id, number)

    @resolved("One version; null if there is none with this number.")
    async def version(
        self, info: Info, number: Annotated[int, strawberry.argument(description="From 1.")]
    ) -> WorkflowVersion | None:
        found = await info.context.loaders.versions.load((self.workflow.id, number))
        return WorkflowVersion.of(found) if found else None

    @resolved("Its versions, newest first.")
    async def versions(self, info: Info, first: First = 20, after: After = None) -> Connection[WorkflowVersion]:
        ctx = info.context
        page = await list_versions(ctx.services, ctx.caller, self.workflow.id, page_request(first, after))
        return connection(page, WorkflowVersion.of, lambda: count_versions(ctx.services, ctx.caller, self.workflow.id))

    @resolved("Its executions, newest first unless `orderBy` says otherwise.")
    async def executions(
        self,
        info: Info,
        filter_: Annotated[
            ExecutionFilter | None,
            strawberry.argument(name="filter", description="Narrows them down; its `workflow` must be left out here."),
        ] = None,
        order_by: Annotated[ExecutionOrder | None, strawberry.argument(description="Their order.")] = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Annotated["Execution", strawberry.lazy("graphql_api.types.execution")]]:
        narrowed = filter_ or ExecutionFilter()
        if narrowed.workflow not in (None, self.name):
            raise BadRequest("These are executions of one workflow already", path=("filter", "workflow"))
        narrowed.workflow = self.name
        return await execution.execution_page(info, narrowed, order_by, page_request(first, after))

    @resolved("The triggers that start it, newest first.")
    async def triggers(
        self, info: Info, first: First = 20, after: After = None
    ) -> Connection[Annotated["Trigger", strawberry.lazy("graphql_api.types.trigger")]]:
        return await trigger.trigger_page(info, None, page_request(first, after), workflow_id=self.workflow.id)

    @staticmethod
    def of(workflow: domain.Workflow) -> "Workflow":
        return Workflow(
            id=strawberry.ID(workflow.id),
            name=workflow.name,
            title=workflow.title,
            description=workflow.description,
            status=workflow.status,
            labels=JSON(workflow.labels),
            created_at=workflow.created_at,
            updated_at=workflow.updated_at,
            workflow=workflow,
        )


async def workflow_of(info: Info, workflow_id: str) -> Workflow:
    found = await info.context.loaders.workflows.load(workflow_id)
    if found is None:
        raise NotFound(f"The workflow {workflow_id} does not exist any more")
    return Workflow.of(found)


async def version_of(info: Info, workflow_id: str, number: int) -> WorkflowVersion:
    found = await info.context.loaders.versions.load((workflow_id, number))
    if found is None:
        raise NotFound(f"Version {number} of the workflow {workflow_id} does not exist any more")
    return WorkflowVersion.of(found)
