"""Events that are published."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import strawberry

from engine.domain.errors import Problem, ValidationFailed
from engine.domain.triggers.cloud_event import CloudEvent
from engine.usecases.services import Services
from graphql_api.types.scalars import JSON

EVENT = "ev"
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")
_RESERVED = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data"}
)


@strawberry.input(
    description="A CloudEvent 1.0. `source` and `id` together name it: the same two are the same event, however often it comes."
)
class CloudEventInput:
    id: str | None = strawberry.field(default=None, description="Unique in its source; null gives it a new one.")
    source: str = strawberry.field(description="Where it comes from, such as /shop/orders.")
    type: str = strawberry.field(description="What happened, such as com.example.order.paid; triggers choose by it.")
    subject: str | None = strawberry.field(default=None, description="What it is about, within the source.")
    time: datetime | None = strawberry.field(default=None, description="When it happened; null is now.")
    data: JSON | None = strawberry.field(default=None, description="What there is to say of it: any JSON.")
    extensions: JSON | None = strawberry.field(
        default=None,
        description="Object of further attributes: texts, numbers and booleans by names of at most 20 lower-case letters and digits. "
        "`traceparent` and `tracestate` are W3C's.",
    )


@strawberry.input(description="An event to publish.")
class PublishEventInput:
    event: CloudEventInput = strawberry.field(description="The event.")


def event_of(given: CloudEventInput, services: Services) -> CloudEvent:
    """Raises `ValidationFailed`."""
    problems = list(_problems(given))
    if problems:
        raise ValidationFailed(problems)
    extensions: Any = given.extensions or {}
    return CloudEvent(
        id=services.mint(EVENT) if given.id is None else given.id,
        source=given.source,
        type=given.type,
        subject=given.subject,
        time=given.time or services.clock(),
        data=given.data,
        extensions=extensions,
    )


def _problems(given: CloudEventInput) -> Iterator[Problem]:
    for name in ("id", "source", "type"):
        if getattr(given, name) == "":
            yield Problem(message=f"{name} is not empty", path=("event", name))
    extensions: Any = {} if given.extensions is None else given.extensions
    if not isinstance(extensions, dict):
        yield Problem(message="extensions are an object", path=("event", "extensions"))
        return
    for name, value in extensions.items():
        path = ("event", "extensions", name)
        if not _EXTENSION.fullmatch(name):
            yield Problem(message="an extension is named by 1 to 20 lower-case letters and digits", path=path)
        elif name in _RESERVED:
            yield Problem(message=f"{name} is an attribute of every event, not an extension", path=path)
        if not isinstance(value, str | int | float | bool):
            yield Problem(message="an extension is a text, a number or a boolean", path=path)
