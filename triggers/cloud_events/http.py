"""HTTP requests, by the CloudEvents binding for HTTP where they say so."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from urllib.parse import unquote_to_bytes

from engine.domain.errors import Problem, ValidationFailed
from engine.domain.triggers.cloud_event import CloudEvent
from triggers.cloud_events.attributes import SPECVERSION, assemble
from triggers.cloud_events.binary import PREFIX, from_binary, is_binary
from triggers.cloud_events.payload import by_type, check_size
from triggers.cloud_events.structured import claims_structured, from_structured


class Mode(Enum):
    STRUCTURED = "structured"
    """The event is the body."""
    BINARY = "binary"
    """Its attributes are headers."""


_ESCAPED = re.compile(r"\\(.)")


def from_http(
    headers: Mapping[str, str],
    body: bytes,
    *,
    event_id: str,
    event_type: str,
    source: str,
    received: datetime,
    data_limit: int | None = None,
    modes: Sequence[Mode] = tuple(Mode),
) -> CloudEvent:
    """An event in one of these modes has its own id, type, source and time. Any other body is the data, read by its content type, of an
    event with those that are given.
    """
    given = {name.lower(): value for name, value in headers.items()}
    content_type = given.get("content-type", "")
    if Mode.STRUCTURED in modes and claims_structured(content_type):
        return from_structured(body, carrier=given, data_limit=data_limit)
    if Mode.BINARY in modes and is_binary(given):
        decoded = {name: _decoded(name, value) if name.startswith(PREFIX) else value for name, value in given.items()}
        return from_binary(decoded, body, carrier=given, data_limit=data_limit)
    check_size(len(body), data_limit)
    data, found_type = by_type(body, content_type)
    core = {
        "specversion": SPECVERSION,
        "id": event_id,
        "source": source,
        "type": event_type,
        "time": received,
        "datacontenttype": found_type,
    }
    return assemble(core, {}, data, carrier=given)


def _decoded(name: str, value: str) -> str:
    """Quotes come off, then percents. Servers read headers as Latin-1, so a sender's unencoded UTF-8 has to be put together again."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    try:
        return unquote_to_bytes(_raw(value)).decode()
    except UnicodeDecodeError as error:
        message = f"the header {name} is not UTF-8 when its percents are decoded"
        raise ValidationFailed([Problem(message=message, path=(name.removeprefix(PREFIX),))]) from error


def _raw(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
