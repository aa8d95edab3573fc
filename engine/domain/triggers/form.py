"""Triggers as people write them, in files of their own and in those of workflows, with the names of the workflow language."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from engine.domain.definition import NAME, Model, WorkflowName
from engine.domain.durations import Duration
from engine.domain.errors import Path
from engine.domain.triggers.trigger import (
    Buffer,
    EventSource,
    OverlapPolicy,
    PubSubSource,
    ScheduleSource,
    Source,
    Throttle,
    WebhookSignature,
    WebhookSource,
)

SOURCES = ("schedule", "pubsub", "webhook", "event")
_RENAMED = {"secretName": "secret"}


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{value!r} is not a time: write RFC 3339 such as 2026-01-31T09:30:00Z") from error
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset, such as Z or +02:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{value!r} is outside of the years 1 to 9999") from error


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(lambda moment: moment.isoformat().replace("+00:00", "Z"), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class ScheduleForm(Model):
    cron: str | None = None
    every: Duration | None = None
    timezone: str = "UTC"
    jitter: Duration | None = None
    overlap: Literal["allow", "skip", "buffer_one", "cancel_running"] = "skip"
    catch_up_window: Duration | None = None
    start_at: Moment | None = None
    end_at: Moment | None = None
    pause_on_failure: bool = False

    def source(self) -> ScheduleSource:
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "overlap"}
        return ScheduleSource(overlap=OverlapPolicy(self.overlap.upper()), **given)


class PubSubForm(Model):
    topic: str
    subscription: str | None = None

    def source(self) -> PubSubSource:
        return PubSubSource(topic=self.topic, subscription=self.subscription)


class WebhookForm(Model):
    signature: Literal["none", "hmac_sha256", "github", "stripe", "slack", "standard_webhooks"] = "none"
    secret: str | None = None
    """The name of a secret, not the secret."""

    def source(self) -> WebhookSource:
        return WebhookSource(signature=WebhookSignature(self.signature.upper()), secret_name=self.secret)


class EventForm(Model):
    types: tuple[str, ...]

    def source(self) -> EventSource:
        return EventSource(types=self.types)


class ThrottleForm(Model):
    limit: int
    per: Duration


class BufferForm(Model):
    max_size: int
    max_wait: Duration
    key: str | None = None


class TriggerForm(Model):
    """A trigger of the workflow in whose file it stands. Exactly one of `schedule`, `pubsub`, `webhook` and `event`."""

    name: Annotated[str, Field(pattern=NAME)] | None = None
    """None: the workflow's name and the position, from 0."""
    schedule: ScheduleForm | None = None
    pubsub: PubSubForm | None = None
    webhook: WebhookForm | None = None
    event: EventForm | None = None
    condition: str | None = None
    input_mapping: dict[str, Any] | str | None = None
    dedup_key: str | None = None
    dedup_window: Duration | None = None
    throttle: ThrottleForm | None = None
    buffer: BufferForm | None = None
    max_attempts: int = 5

    @model_validator(mode="after")
    def _has_one_source(self) -> "TriggerForm":
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if not given:
            raise ValueError(f"needs a source: one of {', '.join(SOURCES)}")
        if len(given) > 1:
            raise ValueError(f"has one source, and not {' and '.join(given)}")
        return self

    def source(self) -> Source:
        form = self.schedule or self.pubsub or self.webhook or self.event
        assert form is not None
        return form.source()

    def rules(self) -> dict[str, Any]:
        """The attributes of a `Trigger` that a form decides, without its name and its workflow."""
        throttle, buffer = self.throttle, self.buffer
        return {
            "source": self.source(),
            "condition": self.condition,
            "input_mapping": self.input_mapping,
            "dedup_key": self.dedup_key,
            "dedup_window": self.dedup_window,
            "throttle": Throttle(limit=throttle.limit, per=throttle.per) if throttle else None,
            "buffer": Buffer(max_size=buffer.max_size, max_wait=buffer.max_wait, key=buffer.key) if buffer else None,
            "max_attempts": self.max_attempts,
        }


class TriggerFile(TriggerForm):
    """A trigger in a file of its own, which says what workflow it starts."""

    name: Annotated[str, Field(pattern=NAME)]
    workflow: WorkflowName


def form_path(path: Path, form: Mapping[str, Any]) -> Path:
    """Where in a form it is that the API knows by this path: `source.schedule.catchUpWindow` is `schedule.catch_up_window`."""
    inner = path[1:] if path[:1] == ("source",) else path
    here: Any = form
    found: list[str] = []
    for segment in inner:
        # Keys of a mapping are the author's, and so are those that happen to look like names of ours.
        own = found[:1] == ["input_mapping"] or (isinstance(here, Mapping) and segment in here)
        name = segment if own else _RENAMED.get(segment, _snake_case(segment))
        here = here.get(name) if isinstance(here, Mapping) else None
        found.append(name)
    return tuple(found)


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
