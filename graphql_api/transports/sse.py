"""Streams of responses in one HTTP response, such as server-sent events.

A client that lost its connection sends the last id it saw (`Last-Event-ID`, as browsers do by themselves) and resumes behind it.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from graphql_api.context import WhileValid, for_ever
from graphql_api.fanout.frame import Frame
from graphql_api.fanout.reader import Reader
from graphql_api.fanout.sink import Sink
from graphql_api.transports.accept import JSON
from graphql_api.transports.event_format import SERVER_SENT_EVENTS, EventFormat
from graphql_api.transports.json_answer import JSONAnswer
from graphql_api.transports.json_text import write_json
from graphql_api.transports.operations import Response
from graphql_api.transports.outbox import Outbox
from graphql_api.transports.refusal import RequestRefused, bad_request

KEEP_ALIVE_SECONDS = 12.0
CLOSING_SECONDS = 5.0
"""How long a client that does not read is waited for at the end."""
_DIGITS = 18
_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}

Open = Callable[[Sink, asyncio.TaskGroup], Reader | None]
"""Begins to give the sink what it is to send; what has to run for it alone runs in the group. May raise `RequestRefused`."""


def last_event_id(headers: Mapping[str, str]) -> int:
    """0 where there is none. Raises `RequestRefused` for what never was an id of ours."""
    text = headers.get("last-event-id", "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS:
        raise bad_request("Last-Event-ID is not the id of an event of this stream")
    return int(text)


def only(response: Response) -> Open:
    """A stream of one response, such as why a request is refused."""

    def opened(sink: Sink, tasks: asyncio.TaskGroup) -> None:
        del tasks
        sink.next(Frame(write_json(response), None, None))
        sink.completed()

    return opened


class EventStream:
    """An ASGI application that sends responses as they come; what means nothing in between keeps proxies from closing a quiet
    connection.

    When `while_valid` ends, the response does, without saying that the stream is complete: the client comes back with the last id it
    saw, and is asked again who it is.
    """

    def __init__(
        self,
        opened: Open,
        while_valid: WhileValid = for_ever,
        *,
        headers: Mapping[str, str] | None = None,
        written: EventFormat = SERVER_SENT_EVENTS,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        self._open = opened
        self._while_valid = while_valid
        self._headers = headers or {}
        self._format = written
        self._keep_alive_seconds = keep_alive_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._stream(receive, send)
        except* RequestRefused as group:
            (refusal,) = group.exceptions
            assert isinstance(refusal, RequestRefused)
            headers = {**self._headers, **refusal.headers}
            answer = JSONAnswer(refusal.response, JSON, refusal.status or 200, headers)
            await answer(scope, receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        """Raises `RequestRefused` in a group, when nothing is sent yet: what the outbox has is sent from the next step of the loop on."""
        headers = [
            (b"content-type", self._format.media_type.encode()),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
            *((name.encode("latin-1"), value.encode("latin-1")) for name, value in self._headers.items()),
        ]
        async with asyncio.TaskGroup() as tasks:
            outbox = Outbox(send)
            outbox.put({"type": "http.response.start", "status": 200, "headers": headers}, 0)
            writing = tasks.create_task(outbox.run())
            leaving = tasks.create_task(_left(receive))
            await self._fill(outbox, leaving, tasks)
            if not leaving.done():
                outbox.end(_END)
                await asyncio.wait([writing, leaving], timeout=CLOSING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            writing.cancel()
            leaving.cancel()

    async def _fill(self, outbox: Outbox, leaving: asyncio.Task[None], tasks: asyncio.TaskGroup) -> None:
        """Until all is put, the client has left, or it is no longer valid."""
        over = asyncio.Event()
        leaving.add_done_callback(lambda _: over.set())
        sink = _EventSink(outbox, self._format, over.set)
        sink.put(self._format.first)
        reader = self._open(sink, tasks)
        keeping_alive = tasks.create_task(self._keep_alive(sink))
        try:
            with self._while_valid(over.set):
                await over.wait()
        finally:
            keeping_alive.cancel()
            if reader is not None:
                reader.cancel()

    async def _keep_alive(self, sink: "_EventSink") -> None:
        while True:
            await asyncio.sleep(self._keep_alive_seconds)
            await sink.outbox.made_room()
            sink.put(self._format.keep_alive)


class _EventSink(Sink):
    __slots__ = ("_ended", "_format")

    def __init__(self, outbox: Outbox, written: EventFormat, ended: Callable[[], None]) -> None:
        super().__init__(outbox)
        self._format = written
        self._ended = ended

    def put(self, body: bytes) -> None:
        if body:
            self.outbox.put({"type": "http.response.body", "body": body, "more_body": True}, len(body))

    def next(self, frame: Frame) -> None:
        self.put(frame.encoded(self._format.frame))

    def failed(self, errors: list[Any]) -> None:
        self.put(self._format.errors(errors))
        self._ended()

    def completed(self) -> None:
        self.put(self._format.complete)
        self._ended()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
