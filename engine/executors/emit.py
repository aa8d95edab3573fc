"""`emit`: publishes an event for others."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from pydantic import Field

from engine.bus.port import MessageBus, NoSuchTopic
from engine.bus.topology import EMITTED, RESERVED_PREFIX
from engine.domain.definition import Model
from engine.domain.errors import BadRequest, PayloadTooLarge
from engine.domain.failure import Failure
from engine.domain.ids import derive
from engine.domain.status import FailureKind
from engine.executors.port import Done, Executor, Result, StepContext, StepFailure


class EmitWith(Model):
    type: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        description="The CloudEvents type, such as `com.example.order.paid`."
    )
    data: Any = Field(default=None, description="The event's data, any JSON.")
    topic: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$")] = Field(
        default=EMITTED, description="The bus topic; triggers on events read the default one."
    )


class Emit(Executor):
    name: ClassVar[str] = "emit"
    description: ClassVar[str] = (
        "Publishes a CloudEvents 1.0 event; its output is the event's id, the same for every try."
    )
    With = EmitWith

    def __init__(self, bus: MessageBus, *, now: Callable[[], datetime], topics: frozenset[str] | None = None) -> None:
        """`topics` are those that may be published to beside the default one; None: any that is not the engine's."""
        self._bus = bus
        self._now = now
        self._topics = topics

    async def run(self, step: StepContext) -> Result:
        given: EmitWith = step.with_
        if given.topic.startswith(RESERVED_PREFIX) and given.topic != EMITTED:
            message = f"the topic {given.topic!r} belongs to the engine; choose another one"
            raise _failure(step, "topic_not_allowed", message)
        if self._topics is not None and given.topic not in {EMITTED, *self._topics}:
            message = f"the topic {given.topic!r} is not among those of WEFT_EMIT_TOPICS"
            raise _failure(step, "topic_not_allowed", message)
        event = self._event(step, given)
        try:
            await self._bus.publish(
                given.topic, msgspec.json.encode(event), {**_attributes(event, step.tenant), **step.trace}
            )
        except NoSuchTopic as error:
            raise _failure(step, "topic_not_found", error.message) from error
        except PayloadTooLarge as error:
            raise _failure(step, "event_too_large", error.message) from error
        except BadRequest as error:
            raise _failure(step, "event_refused", error.message) from error
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
            **step.trace,
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


def _failure(step: StepContext, code: str, message: str) -> StepFailure:
    """Another try would end the same way."""
    return StepFailure(
        Failure(kind=FailureKind.TASK, code=code, message=message, step_id=step.step_id, retryable=False)
    )
