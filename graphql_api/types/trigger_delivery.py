"""What a trigger did with one event."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from engine.domain.triggers import delivery as domain
from graphql_api.context import Info

# See workflow.py: executions name triggers, and these what they did.
from graphql_api.types import execution
from graphql_api.types.enums import DeliveryOutcome
from graphql_api.types.failure import Failure
from graphql_api.types.node import Node
from graphql_api.types.resolvers import read, resolved
from graphql_api.types.scalars import JSON

if TYPE_CHECKING:
    from graphql_api.types.execution import Execution


@strawberry.type(
    description="What a trigger did with one event. Kept for 30 days; 90 where the event could not be used."
)
class TriggerDelivery(Node):
    delivery: strawberry.Private[domain.Delivery]
    id: strawberry.ID = read("delivery.id", "Unique over all types. Opaque: do not take it apart.")
    at: datetime = read("delivery.at", "When it was decided first what to do with the event.")
    event_id: str = read("delivery.event.id", "The event's id; with its source it names the event.")
    outcome: DeliveryOutcome = read("delivery.outcome", "What became of it.")

    @resolved("The execution that it started, or the one that its double had started; null if there is none.")
    async def execution(
        self, info: Info
    ) -> Annotated["Execution", strawberry.lazy("graphql_api.types.execution")] | None:
        return await execution.execution_of(info, self.delivery.execution_id)

    @resolved("Why nothing was started, and whether it is tried again (`retryable`); null where it did not fail.")
    def failure(self) -> Failure | None:
        return Failure.of(self.delivery.failure) if self.delivery.failure else None

    @resolved("The event, as expressions see it: a CloudEvent with all its attributes.")
    def event(self) -> JSON:
        return JSON(self.delivery.event.as_value())

    @staticmethod
    def of(delivery: domain.Delivery) -> "TriggerDelivery":
        return TriggerDelivery(delivery=delivery)
