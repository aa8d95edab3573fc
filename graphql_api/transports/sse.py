"""Server-sent events: the distinct-connections mode of the graphql-sse protocol, with the seq of events as their id.

A client that lost its connection sends the last id it saw (`Last-Event-ID`, as browsers do by themselves) and resumes
behind it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from graphql_api.context import Position, WhileValid, for_ever
from graphql_api.transports.json_text import write_json
from graphql_api.transports.operations import Response
from graphql_api.transports.refusal import bad_request

KEEP_ALIVE_SECONDS = 12.0
_DIGITS = 18
_END = {"type": "http.response.body", "body": b"", "more_body": False}
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def last_event_id(headers: Mapping[str, str]) -> int:
    """0 where there is none. Raises `RequestRefused` for what never was an id of ours."""
    text = headers.get("last-event-id", "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > _DIGITS:
        raise bad_request("Last-Event-ID is not the id of an event of this stream")
    return int(text)


class EventStream:
    """An ASGI application that sends responses as they come. Pulls the next one when the client has taken the last;
    comments in between keep proxies from closing a quiet connection.

    When `while_valid` ends, the response does, without `complete`: the client comes back with the last id it saw, and is
    asked again who it is.
    """

    def __init__(
        self,
        responses: AsyncGenerator[Response, None],
        position: Position,
        while_valid: WhileValid = for_ever,
        *,
        keep_alive_seconds: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        self._responses = responses
        self._position = position
        self._while_valid = while_valid
        self._keep_alive_seconds = keep_alive_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send_all(send))
            others = [tasks.create_task(self._keep_alive(send)), tasks.create_task(_cancel_when_gone(receive, sending))]
            with self._while_valid(sending.cancel):
                await asyncio.wait([sending])
            for task in others:
                task.cancel()
        if sending.cancelled():
            await send(_END)

    async def _send_all(self, send: Send) -> None:
        async with aclosing(self._responses) as responses:
            async for response in responses:
                await _send(send, self._frame(response))
        await _send(send, b"event: complete\ndata:\n\n")
        await send(_END)

    def _frame(self, response: Response) -> bytes:
        """JSON has no line breaks, so one `data` line is enough."""
        place = b"" if self._position.seq is None else b"id: %d\n" % self._position.seq
        return b"event: next\n" + place + b"data: " + write_json(response) + b"\n\n"

    async def _keep_alive(self, send: Send) -> None:
        while True:
            await asyncio.sleep(self._keep_alive_seconds)
            await _send(send, b":\n\n")


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _cancel_when_gone(receive: Receive, sending: asyncio.Task[None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    sending.cancel()
