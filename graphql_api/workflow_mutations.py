"""Mutations of workflows."""

from typing import Annotated

import strawberry

from engine.domain import workflow as domain
from engine.usecases.activate_workflow import activate_workflow
from engine.usecases.archive_workflow import archive_workflow
from engine.usecases.create_workflow import create_workflow
from engine.usecases.delete_workflow import delete_workflow
from engine.usecases.update_workflow import update_workflow
from graphql_api.context import Info
from graphql_api.errors import attempt
from graphql_api.types.errors import UserError
from graphql_api.types.inputs import INPUT, NamedInput
from graphql_api.types.payloads import DeletePayload, WorkflowPayload
from graphql_api.types.resolvers import mutation
from graphql_api.types.workflow import Workflow
from graphql_api.types.workflow_inputs import (
    ActivateWorkflowInput,
    CreateWorkflowInput,
    UpdateWorkflowInput,
)


@strawberry.type
class WorkflowMutations:
    @mutation("Saves a new workflow with its first version. ALREADY_EXISTS if the name is taken.")
    async def create_workflow(self, info: Info, given: Annotated[CreateWorkflowInput, INPUT]) -> WorkflowPayload:
        async def act() -> domain.Workflow:
            return await create_workflow(
                info.context.services,
                info.context.caller,
                given.definition,
                activate=given.activate,
                labels=given.labels,
            )

        return _answer(*await attempt(given, act))

    @mutation("Saves a new version of a workflow. An equal definition makes none. What runs keeps its version.")
    async def update_workflow(self, info: Info, given: Annotated[UpdateWorkflowInput, INPUT]) -> WorkflowPayload:
        async def act() -> domain.Workflow:
            return await update_workflow(
                info.context.services,
                info.context.caller,
                given.name,
                given.definition,
                expected_version=given.expected_version,
                activate=given.activate,
                labels=given.labels,
            )

        return _answer(*await attempt(given, act))

    @mutation("Makes a version the one that new executions use. Brings an archived workflow back.")
    async def activate_workflow(self, info: Info, given: Annotated[ActivateWorkflowInput, INPUT]) -> WorkflowPayload:
        context = info.context
        return _answer(
            *await attempt(
                given, lambda: activate_workflow(context.services, context.caller, given.name, given.version)
            )
        )

    @mutation("Lets nothing new be started. What runs goes on.")
    async def archive_workflow(self, info: Info, given: Annotated[NamedInput, INPUT]) -> WorkflowPayload:
        context = info.context
        return _answer(*await attempt(given, lambda: archive_workflow(context.services, context.caller, given.name)))

    @mutation(
        "Deletes a workflow with all its versions. Refused with INVALID_STATE while it has live executions or triggers."
    )
    async def delete_workflow(self, info: Info, given: Annotated[NamedInput, INPUT]) -> DeletePayload:
        context = info.context
        gone, errors = await attempt(given, lambda: delete_workflow(context.services, context.caller, given.name))
        return DeletePayload(deleted_id=strawberry.ID(gone) if gone else None, errors=errors)


def _answer(workflow: domain.Workflow | None, errors: list[UserError]) -> WorkflowPayload:
    return WorkflowPayload(workflow=Workflow.of(workflow) if workflow else None, errors=errors)
