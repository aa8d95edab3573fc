"""Everything that comes in becomes a CloudEvent 1.0, whatever it was; and how one is written to be published.

Whoever reads refuses with `ValidationFailed`, whose problems lead to the attribute or the place in the data. Where a
`data_limit` is given, no more bytes of data than that are taken. docs/decisions/0016-cloudevents.md tells why this is our own.
"""

from triggers.cloud_events.given import from_input
from triggers.cloud_events.http import Mode, from_http
from triggers.cloud_events.pubsub import from_pubsub
from triggers.cloud_events.push import PushedMessage, from_push
from triggers.cloud_events.structured import structured_attributes, to_structured

__all__ = [
    "Mode",
    "PushedMessage",
    "from_http",
    "from_input",
    "from_pubsub",
    "from_push",
    "structured_attributes",
    "to_structured",
]
