"""Triggers: rules that turn an event or a time into executions."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

TRIGGER = "tr"


class TriggerKind(StrEnum):
    PUBSUB = "PUBSUB"
    SCHEDULE = "SCHEDULE"
    WEBHOOK = "WEBHOOK"
    EVENT = "EVENT"


class TriggerStatus(StrEnum):
    ENABLED = "ENABLED"
    PAUSED = "PAUSED"


class OverlapPolicy(StrEnum):
    """What becomes of a scheduled time while the trigger's former execution has not ended."""

    ALLOW = "ALLOW"
    """It starts all the same."""
    SKIP = "SKIP"
    """It starts nothing."""
    BUFFER_ONE = "BUFFER_ONE"
    """The first one starts when the former execution has ended; those after it start nothing."""
    CANCEL_RUNNING = "CANCEL_RUNNING"
    """The former execution is cancelled."""


class WebhookSignature(StrEnum):
    """How a sender proves that a request is its own."""

    NONE = "NONE"
    HMAC_SHA256 = "HMAC_SHA256"
    GITHUB = "GITHUB"
    STRIPE = "STRIPE"
    SLACK = "SLACK"
    STANDARD_WEBHOOKS = "STANDARD_WEBHOOKS"


class ScheduleSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="schedule"):
    """Exactly one of `cron` and `every`. `timezone` is an IANA name, by which `cron` is read. Times outside of `start_at` (included)
    and `end_at` (excluded) do not fire. `jitter` is the most that a firing comes later than its time. Times that were missed are
    made up for within `catch_up_window`.
    """

    cron: str | None = None
    every: timedelta | None = None
    timezone: str = "UTC"
    jitter: timedelta | None = None
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    catch_up_window: timedelta | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    pause_on_failure: bool = False


class PubSubSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="pubsub"):
    """`subscription` is one that exists already; None: one is made for the trigger."""

    topic: str
    subscription: str | None = None


class WebhookSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="webhook"):
    """`secret_name` names the secret by which the signature is checked."""

    signature: WebhookSignature = WebhookSignature.NONE
    secret_name: str | None = None


class EventSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="event"):
    """CloudEvents of these types; one that ends with `*` stands for all that begin so."""

    types: tuple[str, ...]

    def takes(self, type_: str) -> bool:
        return any(type_.startswith(each[:-1]) if each.endswith("*") else type_ == each for each in self.types)


Source = ScheduleSource | PubSubSource | WebhookSource | EventSource


class Throttle(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` executions within any time of length `per`."""

    limit: int
    per: timedelta


class Buffer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Events with the same `key` (CEL over `event`) are gathered until there are `max_size` of them or the first has waited for
    `max_wait`: then one execution gets them as a list.
    """

    max_size: int
    max_wait: timedelta
    key: str | None = None


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`condition`, `dedup_key` and `buffer.key` are CEL over `event`; `input_mapping` is JSON whose strings may hold `${ }` over it.

    Without a mapping the input of an execution is the event's data where that is an object, else `{"event": ...}`. The same
    `dedup_key` within `dedup_window` starts nothing. What cannot be started is tried up to `max_attempts` times.
    """

    id: str
    name: str
    workflow_id: str
    source: Source
    created_at: datetime
    actor: str
    status: TriggerStatus = TriggerStatus.ENABLED
    paused_because: str | None = None
    """Where it was not a person who paused it."""
    condition: str | None = None
    input_mapping: Any = None
    dedup_key: str | None = None
    dedup_window: timedelta | None = None
    throttle: Throttle | None = None
    buffer: Buffer | None = None
    max_attempts: int = 5
    hook_token: str | None = None
    """Of a webhook: whoever knows it can call it."""
    defined_by: str | None = None
    """The version of the workflow whose definition has it, as `name@3`. None: it was made by itself, and no definition changes it."""

    @property
    def kind(self) -> TriggerKind:
        return _KINDS[type(self.source)]


_KINDS: dict[type[Source], TriggerKind] = {
    ScheduleSource: TriggerKind.SCHEDULE,
    PubSubSource: TriggerKind.PUBSUB,
    WebhookSource: TriggerKind.WEBHOOK,
    EventSource: TriggerKind.EVENT,
}
