"""The root of queries."""

import asyncio
from functools import partial
from typing import Annotated

import strawberry

from engine.domain import ids
from engine.domain.errors import BadRequest
from engine.domain.triggers import cloud_event
from engine.domain.triggers import trigger as triggers
from engine.usecases.health import health
from engine.usecases.paging import MAX_FIRST
from engine.usecases.read_workflows import (
    count_workflows,
    list_workflows,
    version_by_id,
    workflow_by_name,
)
from engine.usecases.step_kinds import step_kinds
from engine.usecases.triggers.reading import trigger_by_name
from engine.usecases.validate_workflow import validate_workflow
from graphql_api.context import Info
from graphql_api.errors import validation_error
from graphql_api.text import storable
from graphql_api.types.batch import Batch
from graphql_api.types.enums import TriggerKind
from graphql_api.types.execution import Execution, execution_of, execution_page
from graphql_api.types.filters import ExecutionFilter, ExecutionOrder, WorkflowFilter, workflow_filter
from graphql_api.types.health import Health
from graphql_api.types.node import Node
from graphql_api.types.pages import After, Connection, First, connection, page_request
from graphql_api.types.resolvers import resolved
from graphql_api.types.scalars import JSON
from graphql_api.types.step_kind import StepKind
from graphql_api.types.trigger import Trigger, trigger_of, trigger_page
from graphql_api.types.trigger_delivery import TriggerDelivery
from graphql_api.types.validation import ValidationReport
from graphql_api.types.version import WorkflowVersion
from graphql_api.types.waiting_step import WaitingStep, waiting_step_page
from graphql_api.types.workflow import Workflow


@strawberry.type(description="What can be read. Things of other tenants are as if they did not exist.")
class Query:
    @resolved("The thing with this id; null if there is none.")
    async def node(
        self, info: Info, node_id: Annotated[strawberry.ID, strawberry.argument(name="id", description="Its id.")]
    ) -> Node | None:
        return await _node(info, storable(node_id, "id"))

    @resolved("The things with these ids, in their order; null where there is none.")
    async def nodes(
        self,
        info: Info,
        node_ids: Annotated[list[strawberry.ID], strawberry.argument(name="ids", description="At most 100.")],
    ) -> list[Node | None]:
        if len(node_ids) > MAX_FIRST:
            raise BadRequest(f"At most {MAX_FIRST} ids, not {len(node_ids)}", path=("ids",))
        ids = [storable(node_id, "ids") for node_id in node_ids]  # all checked before the first one is looked for
        return list(await asyncio.gather(*(_node(info, node_id) for node_id in ids)))

    @resolved("Whether the service serves.")
    async def health(self, info: Info) -> Health:
        return Health.of(await health(info.context.services))

    @resolved("Every kind of step that a definition may use.")
    async def step_kinds(self, info: Info) -> list[StepKind]:
        return [StepKind.of(kind) for kind in await step_kinds(info.context.services)]

    @resolved("The workflow with this name; null if there is none.")
    async def workflow(
        self, info: Info, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> Workflow | None:
        found = await workflow_by_name(info.context.services, info.context.caller, storable(name, "name"))
        return Workflow.of(found) if found else None

    @resolved("Workflows, newest first.")
    async def workflows(
        self,
        info: Info,
        filter_: Annotated[
            WorkflowFilter | None, strawberry.argument(name="filter", description="Narrows them down.")
        ] = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Workflow]:
        services, caller, wanted = info.context.services, info.context.caller, workflow_filter(filter_)
        page = await list_workflows(services, caller, wanted, page_request(first, after))
        return connection(page, Workflow.of, partial(count_workflows, services, caller, wanted))

    @resolved("What is wrong with a definition. Saves nothing.")
    async def validate_workflow(
        self,
        info: Info,
        definition: Annotated[JSON, strawberry.argument(description="JSON object, or a string of YAML.")],
    ) -> ValidationReport:
        problems = await validate_workflow(info.context.services, info.context.caller, definition)
        return ValidationReport(valid=not problems, problems=[validation_error(problem) for problem in problems])

    @resolved("The execution with this id; null if there is none.")
    async def execution(
        self, info: Info, execution_id: Annotated[strawberry.ID, strawberry.argument(name="id", description="Its id.")]
    ) -> Execution | None:
        return await execution_of(info, storable(execution_id, "id"))

    @resolved("Executions, newest first unless `orderBy` says otherwise.")
    async def executions(
        self,
        info: Info,
        filter_: Annotated[
            ExecutionFilter | None, strawberry.argument(name="filter", description="Narrows them down.")
        ] = None,
        order_by: Annotated[ExecutionOrder | None, strawberry.argument(description="Their order.")] = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Execution]:
        return await execution_page(info, filter_, order_by, page_request(first, after))

    @resolved("Steps that wait for a person, newest first.")
    async def waiting_steps(
        self,
        info: Info,
        assignee: Annotated[
            str | None, strawberry.argument(description="Who is asked, as the definition names them; null is anybody.")
        ] = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[WaitingStep]:
        asked = None if assignee is None else storable(assignee, "assignee")
        return await waiting_step_page(info.context, asked, page_request(first, after))

    @resolved("The batch with this id; null if there is none.")
    async def batch(
        self, info: Info, batch_id: Annotated[strawberry.ID, strawberry.argument(name="id", description="Its id.")]
    ) -> Batch | None:
        found = await info.context.loaders.batches.load(storable(batch_id, "id"))
        return Batch.of(found) if found else None

    @resolved("The trigger with this name; null if there is none.")
    async def trigger(
        self, info: Info, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> Trigger | None:
        found = await trigger_by_name(info.context.services, info.context.caller, storable(name, "name"))
        return Trigger.of(found) if found else None

    @resolved("Triggers, newest first.")
    async def triggers(
        self,
        info: Info,
        kind: Annotated[
            list[TriggerKind] | None, strawberry.argument(description="Of one of these kinds; null is any.")
        ] = None,
        first: First = 20,
        after: After = None,
    ) -> Connection[Trigger]:
        return await trigger_page(info, kind, page_request(first, after))


async def _node(info: Info, node_id: str) -> Node | None:
    context = info.context
    match ids.kind_of(node_id):
        case ids.WORKFLOW:
            workflow = await context.loaders.workflows.load(node_id)
            return Workflow.of(workflow) if workflow and not workflow.deleted else None
        case ids.EXECUTION:
            return await execution_of(info, node_id)
        case ids.BATCH:
            batch = await context.loaders.batches.load(node_id)
            return Batch.of(batch) if batch else None
        case triggers.TRIGGER:
            return await trigger_of(info, node_id)
        case cloud_event.DELIVERY:
            delivery = await context.loaders.deliveries.load(node_id)
            return TriggerDelivery.of(delivery) if delivery else None
    version = await version_by_id(context.services, context.caller, node_id)
    return WorkflowVersion.of(version) if version else None
