"""The binary mode: attributes stand beside the data, under names with a prefix."""

from collections.abc import Mapping

from engine.domain.triggers.cloud_event import CloudEvent
from triggers.cloud_events.attributes import CORE, assemble
from triggers.cloud_events.payload import by_type, check_size

PREFIX = "ce-"
_TELLING = tuple(PREFIX + name for name in ("specversion", "id", "source", "type"))


def is_binary(given: Mapping[str, str]) -> bool:
    """Any of the attributes that an event must have will do: that the others are missing is then worth a word."""
    return any(name in given for name in _TELLING)


def from_binary(
    given: Mapping[str, str], body: bytes, *, carrier: Mapping[str, str], data_limit: int | None
) -> CloudEvent:
    """`given` are attributes or headers with names in lower case and values decoded."""
    check_size(len(body), data_limit)
    found = {name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)}
    data, content_type = by_type(body, given.get("content-type") or found.get("datacontenttype"))
    core = {**{name: found.get(name) for name in CORE}, "datacontenttype": content_type}
    extensions = {name: value for name, value in found.items() if name not in core}
    return assemble(core, extensions, data, carrier=carrier)
