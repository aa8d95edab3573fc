"""`emit`: publishes an event for others."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from pydantic import Field

from engine.bus.port import MessageBus
from engine.domain.definition import Model
from engine.domain.failure import Failure
from engine.domain.ids import derive
from engine.domain.status import FailureKind
from engine.executors.port import Done, Executor, Result, StepContext, StepFailure

DEFAULT_TOPIC = "weft.emitted"


class EmitWith(Model):
    type: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        description="The CloudEvents type, such as `com.example.order.paid`."
    )
    data: Any = Field(default=None, description="The event's data, any JSON.")
    topic: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$")] = Field(
        default=DEFAULT_TOPIC, description="The bus topic; triggers on events read the default one."
    )


class Emit(Executor):
    """`reserved` are the engine's own topics: a workflow that published there could forge hints for other tenants."""

    name: ClassVar[str] = "emit"
    description: ClassVar[str] = (
        "Publishes a CloudEvents 1.0 event; its output is the event's id, the same for every try."
    )
    With = EmitWith

    def __init__(self, bus: MessageBus, *, now: Callable[[], datetime], reserved: frozenset[str] = frozenset()) -> None:
        self._bus = bus
        self._now = now
        self._reserved = reserved

    async def run(self, step: StepContext) -> Result:
        given: EmitWith = step.with_
        if given.topic in self._reserved:
            raise StepFailure(_topic_refused(given.topic, step.step_id))
        event = self._event(step, given)
        await self._bus.publish(given.topic, msgspec.json.encode(event), _attributes(event, step.tenant))
        return Done(event["id"])

    def _event(self, step: StepContext, given: EmitWith) -> dict[str, Any]:
        # Secrets stay unrevealed: whoever receives the event may record it.
        return {
            "specversion": "1.0",
            "id": derive("ev", step.tenant, step.workflow, step.step_id, step.idempotency_key),
            "type": given.type,
            "source": f"/workflows/{step.workflow}/executions/{step.execution_id}",
            "subject": step.step_id,
            "time": self._now().isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": given.data,
        }


def _attributes(event: dict[str, Any], tenant: str) -> dict[str, str]:
    """The context also outside of the body, so that consumers filter without parsing it."""
    return {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "ce-specversion": event["specversion"],
        "ce-id": event["id"],
        "ce-type": event["type"],
        "ce-source": event["source"],
        "tenant": tenant,
        "dedup": event["id"],
    }


def _topic_refused(topic: str, step_id: str) -> Failure:
    return Failure(
        kind=FailureKind.TASK,
        code="topic_not_allowed",
        message=f"the topic {topic!r} belongs to the engine; choose another one",
        step_id=step_id,
        retryable=False,
    )
