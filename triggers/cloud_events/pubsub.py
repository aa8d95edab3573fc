"""Messages of Pub/Sub."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from engine.domain.errors import ValidationFailed
from engine.domain.json_values import json_problems
from engine.domain.triggers.cloud_event import CloudEvent
from triggers.cloud_events.attributes import SPECVERSION, assemble
from triggers.cloud_events.binary import from_binary, is_binary
from triggers.cloud_events.payload import as_found, check_size
from triggers.cloud_events.structured import claims_structured, event_of, from_structured, is_plainly_event

PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"
ATTRIBUTES = "attributes"


def from_pubsub(
    message_id: str,
    publish_time: datetime | None,
    attributes: Mapping[str, str],
    body: bytes,
    *,
    topic: str,
    data_limit: int | None = None,
) -> CloudEvent:
    """An event in binary or structured mode, where the message is one; `topic` and what is Pub/Sub's own count for nothing then. Any
    other message is the data of an event that tells of its publication, and whose extension `attributes` holds the message's.
    """
    given = {name.lower(): value for name, value in attributes.items()}
    if claims_structured(given.get("content-type", "")):
        return from_structured(body, carrier=given, data_limit=data_limit)
    if is_binary(given):
        return from_binary(given, body, carrier=given, data_limit=data_limit)
    data, content_type = as_found(body)
    if isinstance(data, dict) and is_plainly_event(data):
        return event_of(data, len(body), carrier=given, data_limit=data_limit)
    check_size(len(body), data_limit)
    core = {
        "specversion": SPECVERSION,
        "id": message_id,
        "source": f"//pubsub.googleapis.com/topics/{topic}",
        "type": PUBLISHED,
        "time": publish_time,
        "datacontenttype": content_type,
    }
    return _with_attributes(assemble(core, {}, data, carrier=given), attributes)


def _with_attributes(event: CloudEvent, attributes: Mapping[str, str]) -> CloudEvent:
    """Not by `assemble`: of an event's attributes none is an object but this one."""
    kept = dict(attributes)
    if problems := json_problems(kept, (ATTRIBUTES,)):
        raise ValidationFailed(problems)
    return msgspec.structs.replace(event, extensions={**event.extensions, ATTRIBUTES: kept})
