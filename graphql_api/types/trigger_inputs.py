"""The inputs of mutations of triggers."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec
import strawberry
from strawberry.utils.str_converters import to_camel_case

from engine.domain.durations import iso_duration
from engine.domain.errors import Problem, ValidationFailed
from engine.domain.triggers import trigger as domain
from engine.usecases.triggers.changing import NewTrigger
from graphql_api.types.enums import OverlapPolicy, WebhookSignature
from graphql_api.types.inputs import KEY
from graphql_api.types.scalars import JSON, write_date_time

_NAME = "The trigger's name; it cannot be changed."
_SOURCE = "What it listens to."
_CONDITION = "CEL over `event`: where it does not hold, nothing is started. Null takes every event."
_MAPPING = (
    "JSON whose strings may hold ${ } over `event`; becomes the execution's input. Null takes the event's data where that is an "
    'object, else {"event": ...}.'
)
_DEDUP_KEY = "CEL over `event` that gives a key; the same key within the window starts nothing. Null compares no keys."
_DEDUP_WINDOW = "How long a key counts; null is a day."
_THROTTLE = "How many executions it may start; null is without limit."
_BUFFER = "Gathers events, so that one execution gets many; null gives each its own."
_OR_ELSE = " Left out, it stays as it is."


@strawberry.input(
    description="Times: by exactly one of `cron` and `every`. docs/schedules.md tells what happens when clocks are changed."
)
class ScheduleInput:
    cron: str | None = strawberry.field(
        default=None,
        description="Five or six fields, names, `L`, `#`, or `@daily` and the like; null where `every` is given.",
    )
    every: timedelta | None = strawberry.field(
        default=None,
        description="The time between two firings, from `startAt` or the creation on; null where `cron` is given.",
    )
    timezone: str | None = strawberry.field(
        default="UTC", description="The IANA time zone by which `cron` is read, such as Europe/Berlin; null is UTC."
    )
    jitter: timedelta | None = strawberry.field(
        default=None,
        description="The most that a firing comes later than its time, always the same for the same time; null is nothing.",
    )
    overlap: OverlapPolicy | None = strawberry.field(
        default=OverlapPolicy.SKIP, description="What happens while the former execution has not ended; null is SKIP."
    )
    catch_up_window: timedelta | None = strawberry.field(
        default=None, description="How old a time may be that was missed and is made up for; null is a minute."
    )
    start_at: datetime | None = strawberry.field(
        default=None, description="Earlier times do not fire; null is from the creation on."
    )
    end_at: datetime | None = strawberry.field(
        default=None, description="This time and later ones do not fire; null is without end."
    )
    pause_on_failure: bool | None = strawberry.field(
        default=False, description="Pause when an execution failed or timed out; null is false."
    )


@strawberry.input(description="Messages of a Pub/Sub topic.")
class PubSubSourceInput:
    topic: str = strawberry.field(description="The topic's id, or its full name.")
    subscription: str | None = strawberry.field(
        default=None, description="A subscription that exists; null makes one for the trigger."
    )


@strawberry.input(description="HTTP requests to an address of its own.")
class WebhookInput:
    signature: WebhookSignature | None = strawberry.field(
        default=WebhookSignature.NONE, description="How requests are signed; null is NONE."
    )
    secret_name: str | None = strawberry.field(
        default=None, description="The name of the secret that signatures are checked by; null where there are none."
    )


@strawberry.input(description="CloudEvents by their type.")
class EventSourceInput:
    types: list[str] = strawberry.field(
        description="The types; one that ends with * stands for all that begin so. Executions tell of themselves as "
        "weft.execution.succeeded, .failed, .cancelled and .waiting."
    )


@strawberry.input(one_of=True, description="What a trigger listens to: exactly one.")
class TriggerSourceInput:
    schedule: ScheduleInput | None = strawberry.field(default=strawberry.UNSET, description="Times.")
    pubsub: PubSubSourceInput | None = strawberry.field(default=strawberry.UNSET, description="Messages of Pub/Sub.")
    webhook: WebhookInput | None = strawberry.field(default=strawberry.UNSET, description="HTTP requests.")
    event: EventSourceInput | None = strawberry.field(default=strawberry.UNSET, description="CloudEvents.")


@strawberry.input(description="A limit on what a trigger starts.")
class ThrottleInput:
    limit: int = strawberry.field(description="At most so many executions, 1 to 1000.")
    per: timedelta = strawberry.field(description="Within any time of this length, at most 31 days.")


@strawberry.input(description="How events are gathered. What is gathered is started together: `event` is a list then.")
class BufferInput:
    max_size: int = strawberry.field(description="So many are enough, 1 to 100.")
    max_wait: timedelta = strawberry.field(description="How long the first one waits for more, at most 31 days.")
    key: str | None = strawberry.field(
        default=None, description="CEL over `event`: those with the same value are gathered; null gathers all."
    )


@strawberry.input(description="A new trigger.")
class CreateTriggerInput:
    name: str = strawberry.field(
        description="Lower-case letters, digits and hyphens, 63 at the most. Unique in the tenant; it cannot be changed."
    )
    workflow: str = strawberry.field(description="The name of the workflow that it starts, by its active version.")
    source: TriggerSourceInput = strawberry.field(description=_SOURCE)
    condition: str | None = strawberry.field(default=None, description=_CONDITION)
    input_mapping: JSON | None = strawberry.field(default=None, description=_MAPPING)
    dedup_key: str | None = strawberry.field(default=None, description=_DEDUP_KEY)
    dedup_window: timedelta | None = strawberry.field(default=None, description=_DEDUP_WINDOW)
    throttle: ThrottleInput | None = strawberry.field(default=None, description=_THROTTLE)
    buffer: BufferInput | None = strawberry.field(default=None, description=_BUFFER)
    max_attempts: int = strawberry.field(
        default=5,
        description="How often a start is tried, 1 to 50; after that the event is kept, for `replayDelivery`.",
    )


@strawberry.input(description="Changes of a trigger. What is left out stays as it is; what is null is taken away.")
class UpdateTriggerInput:
    name: str = strawberry.field(description=_NAME)
    source: TriggerSourceInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Another source of the same kind, in place of the whole old one. Left out, it stays as it is; null is refused.",
    )
    condition: str | None = strawberry.field(default=strawberry.UNSET, description=_CONDITION + _OR_ELSE)
    input_mapping: JSON | None = strawberry.field(default=strawberry.UNSET, description=_MAPPING + _OR_ELSE)
    dedup_key: str | None = strawberry.field(default=strawberry.UNSET, description=_DEDUP_KEY + _OR_ELSE)
    dedup_window: timedelta | None = strawberry.field(default=strawberry.UNSET, description=_DEDUP_WINDOW + _OR_ELSE)
    throttle: ThrottleInput | None = strawberry.field(default=strawberry.UNSET, description=_THROTTLE + _OR_ELSE)
    buffer: BufferInput | None = strawberry.field(default=strawberry.UNSET, description=_BUFFER + _OR_ELSE)


@strawberry.input(description="Which trigger shall start an execution now.")
class FireTriggerInput:
    name: str = strawberry.field(description="The trigger's name.")
    data: JSON | None = strawberry.field(default=None, description="The data of the event that the mapping sees.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="A past range of a schedule.")
class BackfillTriggerInput:
    name: str = strawberry.field(description="The trigger's name.")
    from_: datetime = strawberry.field(name="from", description="The first time that counts.")
    to: datetime = strawberry.field(description="The end, which does not count any more; not in the future.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which delivery shall be run again.")
class ReplayDeliveryInput:
    id: strawberry.ID = strawberry.field(description="The delivery's id.")


def new_trigger(given: CreateTriggerInput) -> NewTrigger:
    return NewTrigger(
        name=given.name,
        workflow=given.workflow,
        source=_source(given.source),
        condition=given.condition,
        input_mapping=given.input_mapping,
        dedup_key=given.dedup_key,
        dedup_window=given.dedup_window,
        throttle=_throttle(given.throttle),
        buffer=_buffer(given.buffer),
        max_attempts=given.max_attempts,
    )


def changes_of(given: UpdateTriggerInput) -> dict[str, Any]:
    """Attributes of the trigger. Raises `ValidationFailed` for a source that is null."""
    plain = ("condition", "input_mapping", "dedup_key", "dedup_window")
    changes = {name: getattr(given, name) for name in plain if getattr(given, name) is not strawberry.UNSET}
    if given.source is None:
        raise ValidationFailed([Problem(message="a trigger always has a source", path=("source",))])
    if given.source is not strawberry.UNSET:
        changes["source"] = _source(given.source)
    if given.throttle is not strawberry.UNSET:
        changes["throttle"] = _throttle(given.throttle)
    if given.buffer is not strawberry.UNSET:
        changes["buffer"] = _buffer(given.buffer)
    return changes


def source_as_given(source: domain.Source) -> dict[str, Any]:
    """As JSON in the form of `TriggerSourceInput`."""
    members = msgspec.structs.asdict(source)
    shown = {to_camel_case(name): _as_json(value) for name, value in members.items() if value is not None}
    return {str(source.__struct_config__.tag): shown}


def _as_json(value: Any) -> Any:
    match value:
        case timedelta():
            return iso_duration(value)
        case datetime():
            return write_date_time(value)
        case Enum():
            return value.value
        case tuple():
            return list(value)
    return value


def _source(given: TriggerSourceInput) -> domain.Source:
    """GraphQL sees to it that there is exactly one."""
    if given.schedule:
        return _schedule(given.schedule)
    if given.pubsub:
        return domain.PubSubSource(topic=given.pubsub.topic, subscription=given.pubsub.subscription)
    if given.webhook:
        signature = given.webhook.signature or WebhookSignature.NONE
        return domain.WebhookSource(signature=signature, secret_name=given.webhook.secret_name)
    assert given.event
    return domain.EventSource(types=tuple(given.event.types))


def _schedule(given: ScheduleInput) -> domain.ScheduleSource:
    return domain.ScheduleSource(
        cron=given.cron,
        every=given.every,
        timezone="UTC" if given.timezone is None else given.timezone,
        jitter=given.jitter,
        overlap=given.overlap or OverlapPolicy.SKIP,
        catch_up_window=given.catch_up_window,
        start_at=given.start_at,
        end_at=given.end_at,
        pause_on_failure=bool(given.pause_on_failure),
    )


def _throttle(given: ThrottleInput | None) -> domain.Throttle | None:
    return domain.Throttle(limit=given.limit, per=given.per) if given else None


def _buffer(given: BufferInput | None) -> domain.Buffer | None:
    return domain.Buffer(max_size=given.max_size, max_wait=given.max_wait, key=given.key) if given else None
