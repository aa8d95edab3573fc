"""How responses are written one after the other into one HTTP response."""

from collections.abc import Callable
from dataclasses import dataclass

from graphql_api.fanout.frame import Frame
from graphql_api.transports.json_text import write_json


@dataclass(frozen=True, kw_only=True)
class EventFormat:
    """`first` opens the stream, `frame` writes one response, `errors` the last one of a stream that broke, `complete` ends it,
    `keep_alive` is what may come at any time and means nothing.
    """

    media_type: str
    first: bytes
    frame: Callable[[Frame], bytes]
    errors: Callable[[list[object]], bytes]
    complete: bytes
    keep_alive: bytes


def _event(frame: Frame) -> bytes:
    """JSON has no line breaks, so one `data` line is enough."""
    place = b"" if frame.seq is None else b"id: %d\n" % frame.seq
    return b"event: next\n" + place + b"data: " + frame.payload + b"\n\n"


def _broken_events(errors: list[object]) -> bytes:
    return b"event: next\ndata: " + write_json({"errors": errors}) + b"\n\nevent: complete\ndata:\n\n"


SERVER_SENT_EVENTS = EventFormat(
    media_type="text/event-stream; charset=utf-8",
    first=b"retry: 1000\n\n",
    frame=_event,
    errors=_broken_events,
    complete=b"event: complete\ndata:\n\n",
    keep_alive=b":\n\n",
)
"""Distinct connections of the graphql-sse protocol, with the seq of events as their id. `retry` is when browsers connect again by
themselves, in milliseconds; at the server's own end it says another.
"""


_PART = b"\r\ncontent-type: application/json\r\n\r\n%b\r\n--graphql"
"""A part, and the boundary behind it: clients take a part for whole when they see that."""


def _part(frame: Frame) -> bytes:
    return _PART % (b'{"payload":' + frame.payload + b"}")


def _broken_parts(errors: list[object]) -> bytes:
    return _PART % write_json({"payload": {"data": None, "errors": errors}}) + b"--\r\n"


MULTIPART_SUBSCRIPTIONS = EventFormat(
    media_type='multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
    first=b"\r\n--graphql",
    frame=_part,
    errors=_broken_parts,
    complete=b"--\r\n",
    keep_alive=_PART % b"{}",
)
"""Apollo's protocol for subscriptions over multipart HTTP, which its clients and its router speak without a further package."""
