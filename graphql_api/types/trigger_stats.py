"""Counts of what a trigger did."""

import strawberry

from engine.usecases.triggers.reading import count_deliveries
from graphql_api.context import Info
from graphql_api.types.enums import DeliveryOutcome
from graphql_api.types.resolvers import resolved


@strawberry.type(
    description="How many deliveries of a trigger ended how, of those that are kept. Each is counted only when it is asked for."
)
class TriggerStats:
    trigger_id: strawberry.Private[str]

    @resolved("All of them.")
    async def received(self, info: Info) -> int:
        return await self._count(info)

    @resolved("Those that started an execution.")
    async def started(self, info: Info) -> int:
        return await self._count(info, DeliveryOutcome.STARTED)

    @resolved("Those for which the condition did not hold.")
    async def filtered(self, info: Info) -> int:
        return await self._count(info, DeliveryOutcome.FILTERED)

    @resolved("Those of events that came before.")
    async def duplicates(self, info: Info) -> int:
        return await self._count(info, DeliveryOutcome.DUPLICATE)

    @resolved("Those that the throttle refused.")
    async def throttled(self, info: Info) -> int:
        return await self._count(info, DeliveryOutcome.THROTTLED)

    @resolved("Those that could not start anything, be it that they are tried again.")
    async def failed(self, info: Info) -> int:
        return await self._count(info, DeliveryOutcome.FAILED)

    async def _count(self, info: Info, *outcomes: DeliveryOutcome) -> int:
        return await count_deliveries(info.context.services, info.context.caller, self.trigger_id, outcomes or None)
