"""The structured mode: the whole event is one JSON object."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import orjson

from engine.domain.errors import Problem, ValidationFailed
from engine.domain.triggers.cloud_event import CloudEvent
from triggers.cloud_events.attributes import CORE, SPECVERSION, assemble
from triggers.cloud_events.json_bytes import read_json
from triggers.cloud_events.payload import by_type, check_size, is_octets
from triggers.cloud_events.trace_context import trace_of

CONTENT_TYPE = "application/cloudevents+json"
_ANY_FORMAT = "application/cloudevents"
_DATA = {"data", "data_base64"}


def claims_structured(content_type: str) -> bool:
    """Whether the content type says that the body is a whole event, or several. Raises `ValidationFailed` for forms not taken here."""
    media = content_type.partition(";")[0].strip().lower()
    if media.startswith(_ANY_FORMAT) and media != CONTENT_TYPE:
        message = f"{media[:80]} is not taken: send single events as {CONTENT_TYPE}"
        raise ValidationFailed([Problem(message=message, path=("datacontenttype",))])
    return media == CONTENT_TYPE


def is_plainly_event(value: Any) -> bool:
    """Whether a JSON value that nobody called an event can be nothing else."""
    return (
        isinstance(value, dict) and value.get("specversion") == SPECVERSION and {"id", "source", "type"} <= value.keys()
    )


def from_structured(body: bytes, *, carrier: Mapping[str, Any], data_limit: int | None) -> CloudEvent:
    try:
        members = read_json(body)
    except ValueError as error:
        raise ValidationFailed([Problem(message=f"the event is not JSON: {error}")]) from error
    if not isinstance(members, dict):
        raise ValidationFailed([Problem(message="the event is not a JSON object")])
    return event_of(members, len(body), carrier=carrier, data_limit=data_limit)


def event_of(members: dict[str, Any], size: int, *, carrier: Mapping[str, Any], data_limit: int | None) -> CloudEvent:
    """`size` is that of the event as it came: only where it is beyond the limit is the data looked at alone."""
    core = {name: members.get(name) for name in CORE}
    data = members.get("data")
    if members.get("data_base64") is not None:
        data, core["datacontenttype"] = _decoded(members)
    extensions = {name: value for name, value in members.items() if name not in core and name not in _DATA}
    event = assemble(core, extensions, data, carrier=carrier)
    if data_limit is not None and size > data_limit:
        check_size(len(orjson.dumps(data)), data_limit)
    return event


def to_structured(event: CloudEvent) -> bytes:
    """Extensions that are objects do not go along: CloudEvents has none, and ours tell of a message that came, not of the event."""
    attributes = event.as_value()
    data = attributes.pop("data")
    members = {name: value for name, value in attributes.items() if isinstance(value, str | int)}
    if data is not None:
        members["data_base64" if is_octets(event.datacontenttype) and _is_base64(data) else "data"] = data
    return orjson.dumps(members)


def structured_attributes(event: CloudEvent) -> dict[str, str]:
    """Of the message that carries what `to_structured` wrote."""
    return {"content-type": CONTENT_TYPE, **trace_of(event.extensions)}


def _decoded(members: dict[str, Any]) -> tuple[Any, str | None]:
    path = ("data_base64",)
    if members.get("data") is not None:
        raise ValidationFailed([Problem(message="the event has both data and data_base64", path=path)])
    try:
        body = b64decode(members["data_base64"], validate=True)
    except (TypeError, ValueError) as error:
        raise ValidationFailed([Problem(message=f"data_base64 is not base64: {error}", path=path)]) from error
    content_type = members.get("datacontenttype")
    data, found = by_type(body, content_type if isinstance(content_type, str) else None)
    return data, found if isinstance(content_type, str | None) else content_type


def _is_base64(data: Any) -> bool:
    try:
        return isinstance(data, str) and b64encode(b64decode(data, validate=True)).decode() == data
    except (binascii.Error, ValueError):
        return False
