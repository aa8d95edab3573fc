"""Mutations of triggers, and of what they did."""

from typing import Annotated

import strawberry

from engine.domain import batch as batches
from engine.domain.triggers import trigger as domain
from engine.usecases.triggers.acting import Range, backfill_trigger, fire_trigger, replay_delivery
from engine.usecases.triggers.changing import (
    create_trigger,
    delete_trigger,
    pause_trigger,
    resume_trigger,
    rotate_webhook,
    update_trigger,
)
from engine.usecases.triggers.receiving import publish_event
from engine.usecases.views import ExecutionView
from graphql_api.context import Info
from graphql_api.errors import attempt
from graphql_api.types.batch import Batch
from graphql_api.types.errors import UserError
from graphql_api.types.event_inputs import PublishEventInput, event_of
from graphql_api.types.execution import Execution
from graphql_api.types.inputs import INPUT, NamedInput
from graphql_api.types.payloads import (
    BatchPayload,
    DeletePayload,
    ExecutionPayload,
    PublishEventPayload,
    TriggerPayload,
)
from graphql_api.types.resolvers import mutation
from graphql_api.types.trigger import Trigger
from graphql_api.types.trigger_inputs import (
    BackfillTriggerInput,
    CreateTriggerInput,
    FireTriggerInput,
    ReplayDeliveryInput,
    UpdateTriggerInput,
    changes_of,
    new_trigger,
)


@strawberry.type
class TriggerMutations:
    @mutation("Creates a trigger, which is enabled at once. ALREADY_EXISTS if the name is taken.")
    async def create_trigger(self, info: Info, given: Annotated[CreateTriggerInput, INPUT]) -> TriggerPayload:
        async def act() -> domain.Trigger:
            return await create_trigger(info.context.services, info.context.caller, new_trigger(given))

        return _answer(*await attempt(given, act))

    @mutation("Changes a trigger. A schedule that is another one afterwards begins anew.")
    async def update_trigger(self, info: Info, given: Annotated[UpdateTriggerInput, INPUT]) -> TriggerPayload:
        async def act() -> domain.Trigger:
            context = info.context
            context.caller.require_editor()
            return await update_trigger(context.services, context.caller, given.name, changes_of(given))

        return _answer(*await attempt(given, act))

    @mutation(
        "Lets a trigger start nothing. What comes meanwhile waits where it can: in its subscription, or with its sender."
    )
    async def pause_trigger(self, info: Info, given: Annotated[NamedInput, INPUT]) -> TriggerPayload:
        context = info.context
        return _answer(*await attempt(given, lambda: pause_trigger(context.services, context.caller, given.name)))

    @mutation("Lets a paused trigger go on. A schedule goes on with the times to come.")
    async def resume_trigger(self, info: Info, given: Annotated[NamedInput, INPUT]) -> TriggerPayload:
        context = info.context
        return _answer(*await attempt(given, lambda: resume_trigger(context.services, context.caller, given.name)))

    @mutation("Gives a webhook another address. The old one leads nowhere from then on.")
    async def rotate_webhook(self, info: Info, given: Annotated[NamedInput, INPUT]) -> TriggerPayload:
        context = info.context
        return _answer(*await attempt(given, lambda: rotate_webhook(context.services, context.caller, given.name)))

    @mutation("Starts an execution now, whatever the trigger's condition, limits and status.")
    async def fire_trigger(self, info: Info, given: Annotated[FireTriggerInput, INPUT]) -> ExecutionPayload:
        async def act() -> ExecutionView:
            return await fire_trigger(
                info.context.services, info.context.caller, given.name, given.data, given.idempotency_key
            )

        return _started(*await attempt(given, act))

    @mutation("Starts an execution for each scheduled time of a past range, 1000 at the most.")
    async def backfill_trigger(self, info: Info, given: Annotated[BackfillTriggerInput, INPUT]) -> BatchPayload:
        async def act() -> batches.Batch:
            past = Range(given.from_, given.to)
            return await backfill_trigger(
                info.context.services, info.context.caller, given.name, past, given.idempotency_key
            )

        batch, errors = await attempt(given, act)
        return BatchPayload(batch=Batch.of(batch) if batch else None, errors=errors)

    @mutation("Starts an execution for the event of a delivery, whatever was decided before. Each call starts one.")
    async def replay_delivery(self, info: Info, given: Annotated[ReplayDeliveryInput, INPUT]) -> ExecutionPayload:
        context = info.context
        return _started(*await attempt(given, lambda: replay_delivery(context.services, context.caller, given.id)))

    @mutation("Deletes a trigger. What it started goes on, and what it did is kept for its time.")
    async def delete_trigger(self, info: Info, given: Annotated[NamedInput, INPUT]) -> DeletePayload:
        context = info.context
        gone, errors = await attempt(given, lambda: delete_trigger(context.services, context.caller, given.name))
        return DeletePayload(deleted_id=strawberry.ID(gone) if gone else None, errors=errors)

    @mutation("Publishes an event. Once it is answered, the event reaches every trigger that takes it.")
    async def publish_event(self, info: Info, given: Annotated[PublishEventInput, INPUT]) -> PublishEventPayload:
        async def act() -> str:
            context = info.context
            context.caller.require_editor()
            return await publish_event(context.services, context.caller, event_of(given.event, context.services))

        event_id, errors = await attempt(given, act)
        return PublishEventPayload(event_id=event_id, errors=errors)


def _answer(trigger: domain.Trigger | None, errors: list[UserError]) -> TriggerPayload:
    return TriggerPayload(trigger=Trigger.of(trigger) if trigger else None, errors=errors)


def _started(view: ExecutionView | None, errors: list[UserError]) -> ExecutionPayload:
    return ExecutionPayload(execution=Execution(view=view) if view else None, errors=errors)
