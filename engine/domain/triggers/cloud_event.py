"""The one form that every event has here: CloudEvents 1.0, whatever it came in as."""

from datetime import datetime
from typing import Any

import msgspec

from engine.domain.ids import derive

DELIVERY = "de"
TRACE = ("traceparent", "tracestate")
"""The extensions that are W3C's Trace Context."""
DEPTH = "weftdepth"
"""The extension that says how many executions led to an event, one by the end of another."""


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`source` and `id` together name the event: whatever has both is the same one, however often it comes. `time` is when it
    happened, UTC. `data` is any JSON. `extensions` are further attributes; `traceparent` and `tracestate` among them are W3C's.
    """

    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    data: Any = None
    extensions: dict[str, Any] = {}

    def as_value(self) -> dict[str, Any]:
        """As expressions see `event`: every attribute is there, and null where it was not given; extensions stand beside them."""
        return {
            **self.extensions,
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time.isoformat().replace("+00:00", "Z") if self.time else None,
            "datacontenttype": self.datacontenttype,
            "dataschema": self.dataschema,
            "data": self.data,
        }


def delivery_id(trigger_id: str, event: CloudEvent) -> str:
    """Of what a trigger does with an event: the same however often the event comes."""
    return derive(DELIVERY, trigger_id, event.source, event.id)


def depth_of(event: CloudEvent) -> int:
    """A number, or text that is one, as attributes of messages are; anything else counts as none."""
    given = event.extensions.get(DEPTH, 0)
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS:
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) and given >= 0 else 0


_MOST_DIGITS = 9
