"""What Pub/Sub pushes: a message in a wrapper of JSON, or unwrapped, with what belongs to it in the headers."""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from engine.domain.errors import Path, Problem, ValidationFailed
from triggers.cloud_events.attributes import read_time
from triggers.cloud_events.json_bytes import read_json

_OWN = "x-goog-pubsub-"
_NOT_ATTRIBUTES = re.compile(
    r"x-(goog|forwarded|envoy|cloud-trace|real|request|appengine|serverless|b3)(-.*)?|proxy-.*|accept(-.*)?"
    r"|authorization|connection|content-(length|encoding)|cookie|expect|forwarded|from|host|keep-alive|te|trailer"
    r"|transfer-encoding|upgrade|user-agent|via"
)
"""What else a request has, its credentials among it. A message's attributes come as headers without any prefix."""


class PushedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What `from_pubsub` takes. `subscription` is the full name of the one that pushes, where it is said."""

    message_id: str
    publish_time: datetime | None
    attributes: dict[str, str]
    body: bytes
    subscription: str | None = None


def from_push(headers: Mapping[str, str], body: bytes) -> PushedMessage:
    """Raises `ValidationFailed`. Unwrapped messages can be told only where the subscription writes metadata: without it there is no
    id, by which a message that comes again would be known. Their attributes have names in lower case, as all headers do.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id = given.get(_OWN + "message-id")
    return _wrapped(body) if message_id is None else _unwrapped(message_id, given, body)


def _unwrapped(message_id: str, given: dict[str, str], body: bytes) -> PushedMessage:
    name = _OWN + "publish-time"
    return PushedMessage(
        message_id=message_id,
        publish_time=_moment(given.get(name), (name,)),
        attributes={name: value for name, value in given.items() if not _NOT_ATTRIBUTES.fullmatch(name)},
        body=body,
        subscription=given.get(_OWN + "subscription-name"),
    )


def _wrapped(body: bytes) -> PushedMessage:
    try:
        wrapper = read_json(body)
    except ValueError as error:
        raise _refusal(f"the body is not JSON: {error}", (), hint=_HINT) from error
    message = wrapper.get("message") if isinstance(wrapper, dict) else None
    if not isinstance(message, dict):
        raise _refusal("there is no message", ("message",), hint=_HINT)
    message_id = message.get("messageId") or message.get("message_id")
    if not isinstance(message_id, str):
        raise _refusal("the message has no id", ("message", "messageId"))
    subscription = wrapper.get("subscription")
    return PushedMessage(
        message_id=message_id,
        publish_time=_moment(message.get("publishTime") or message.get("publish_time"), ("message", "publishTime")),
        attributes=_attributes(message.get("attributes")),
        body=_data(message.get("data")),
        subscription=subscription if isinstance(subscription, str) else None,
    )


_HINT = "A subscription without a wrapper has to write metadata (--push-no-wrapper-write-metadata)"


def _attributes(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise _refusal("attributes have to be an object of texts", ("message", "attributes"))
    return given


def _data(given: Any) -> bytes:
    try:
        return b64decode("" if given is None else given, validate=True)
    except (TypeError, ValueError) as error:
        raise _refusal(f"the data is not base64: {error}", ("message", "data")) from error


def _moment(given: Any, path: Path) -> datetime | None:
    try:
        return None if given is None else read_time(given)
    except ValueError as error:
        raise _refusal(f"the time of publication is not a time: {error}", path) from error


def _refusal(message: str, path: Path, *, hint: str | None = None) -> ValidationFailed:
    return ValidationFailed([Problem(message=message, path=path, hint=hint)])
