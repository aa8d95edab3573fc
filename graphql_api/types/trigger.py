"""A trigger, when it fires and what it did."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import strawberry

from engine.domain.triggers import trigger as domain
from engine.usecases.caller import Role
from engine.usecases.paging import PageRequest
from engine.usecases.triggers.reading import (
    count_deliveries,
    count_triggers,
    last_started_at,
    list_deliveries,
    list_triggers,
    next_fire_at,
    next_fires,
)
from graphql_api.context import Info

# See workflow.py: the two modules name each other.
from graphql_api.types import workflow
from graphql_api.types.enums import DeliveryOutcome, TriggerKind, TriggerStatus
from graphql_api.types.node import Node
from graphql_api.types.pages import After, Connection, First, connection, page_request
from graphql_api.types.resolvers import read, resolved
from graphql_api.types.scalars import JSON
from graphql_api.types.trigger_delivery import TriggerDelivery
from graphql_api.types.trigger_inputs import source_as_given
from graphql_api.types.trigger_limits import Buffer, Throttle
from graphql_api.types.trigger_stats import TriggerStats

if TYPE_CHECKING:
    from graphql_api.types.workflow import Workflow

_PREVIEWED = 5


@strawberry.type(description="A rule that turns an event or a time into executions of a workflow.")
class Trigger(Node):
    trigger: strawberry.Private[domain.Trigger]
    id: strawberry.ID = read("trigger.id", "Unique over all types. Opaque: do not take it apart.")
    name: str = read("trigger.name", "Unique in the tenant.")
    kind: TriggerKind = read("trigger.kind", "What it listens to; cannot be changed.")
    status: TriggerStatus = read("trigger.status", "Whether it does anything.")
    paused_because: str | None = read(
        "trigger.paused_because", "Why it paused itself; null where a person paused it, and while it is enabled."
    )
    condition: str | None = read(
        "trigger.condition", "CEL over `event`: where it does not hold, nothing is started. Null takes every event."
    )
    dedup_key: str | None = read(
        "trigger.dedup_key", "CEL over `event` that gives a key; the same key within the window starts nothing."
    )
    dedup_window: timedelta | None = read("trigger.dedup_window", "How long a key counts; null is a day.")
    max_attempts: int = read("trigger.max_attempts", "How often a start is tried.")
    created_at: datetime = read("trigger.created_at", "When it was created.")

    @resolved(
        "JSON whose strings may hold ${ } over `event`; becomes the execution's input. Null takes the event's data where that is an "
        'object, else {"event": ...}.'
    )
    def input_mapping(self) -> JSON | None:
        mapping = self.trigger.input_mapping
        return None if mapping is None else JSON(mapping)

    @resolved("How many executions it may start; null is without limit.")
    def throttle(self) -> Throttle | None:
        return Throttle.of(self.trigger.throttle)

    @resolved("How it gathers events; null gives each its own execution.")
    def buffer(self) -> Buffer | None:
        return Buffer.of(self.trigger.buffer)

    @resolved("The workflow that it starts.")
    async def workflow(self, info: Info) -> Annotated["Workflow", strawberry.lazy("graphql_api.types.workflow")]:
        return await workflow.workflow_of(info, self.trigger.workflow_id)

    @resolved("What it listens to, as `TriggerSourceInput` takes it. Secrets are named, not shown.")
    def config(self) -> JSON:
        return JSON(source_as_given(self.trigger.source))

    @resolved("The scheduled time that fires next; null while it is paused, when none is left, and for other kinds.")
    async def next_fire_at(self, info: Info) -> datetime | None:
        if self.trigger.kind is not TriggerKind.SCHEDULE:
            return None
        return next_fire_at(self.trigger, await info.context.loaders.schedules.load(self.trigger.id))

    @resolved(
        "The scheduled times from now on, jitter left aside; of a paused schedule those that it would have. Empty for other kinds."
    )
    async def next_fire_times(
        self,
        info: Info,
        first: Annotated[
            int | None,
            strawberry.argument(description="At most so many, 1 to 100; anything else is refused with BAD_USER_INPUT."),
        ] = _PREVIEWED,
    ) -> list[datetime]:
        count = _PREVIEWED if first is None else first
        # The 29th of February, a hundred times, takes 24 ms, and a list may have a hundred of such triggers.
        return await asyncio.to_thread(next_fires, info.context.services, self.trigger, count)

    @resolved(
        "The scheduled time that fired last; of other kinds, when the newest event that started something came. Null before the first."
    )
    async def last_fired_at(self, info: Info) -> datetime | None:
        if self.trigger.kind is not TriggerKind.SCHEDULE:
            return await last_started_at(info.context.services, info.context.caller, self.trigger.id)
        schedule = await info.context.loaders.schedules.load(self.trigger.id)
        return schedule.last if schedule else None

    @resolved(
        "Where to send requests. Whoever knows it can call it, so viewers are not shown it. Null for other kinds, and for them."
    )
    def webhook_url(self, info: Info) -> str | None:
        if self.trigger.hook_token is None or info.context.caller.role is Role.VIEWER:
            return None
        return f"{info.context.services.public_url}/hooks/{self.trigger.hook_token}"

    @resolved("How many of its deliveries ended how.")
    def stats(self) -> TriggerStats:
        return TriggerStats(trigger_id=self.trigger.id)

    @resolved("What it did with events, newest first.")
    async def deliveries(
        self,
        info: Info,
        first: First = 20,
        after: After = None,
        outcome: Annotated[
            list[DeliveryOutcome] | None, strawberry.argument(description="With one of these; null is any.")
        ] = None,
    ) -> Connection[TriggerDelivery]:
        services, caller, trigger_id = info.context.services, info.context.caller, self.trigger.id
        page = await list_deliveries(services, caller, trigger_id, outcome, page_request(first, after))
        return connection(page, TriggerDelivery.of, partial(count_deliveries, services, caller, trigger_id, outcome))

    @staticmethod
    def of(trigger: domain.Trigger) -> "Trigger":
        return Trigger(trigger=trigger)


async def trigger_of(info: Info, trigger_id: str | None) -> Trigger | None:
    found = await info.context.loaders.triggers.load(trigger_id) if trigger_id else None
    return Trigger.of(found) if found else None


async def trigger_page(
    info: Info, kinds: Sequence[TriggerKind] | None, request: PageRequest, *, workflow_id: str | None = None
) -> Connection[Trigger]:
    services, caller = info.context.services, info.context.caller
    page = await list_triggers(services, caller, kinds, request, workflow_id=workflow_id)
    return connection(page, Trigger.of, partial(count_triggers, services, caller, kinds, workflow_id=workflow_id))
