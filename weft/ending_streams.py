"""Lets a stopping server end its event streams, which would go on until their clients leave."""

import asyncio
import random

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SERVICE_RESTART = 1012
"""The close code that tells a WebSocket's client to connect again; clients of graphql-transport-ws do so by themselves."""
REASON = "Service restart: connect again, and go on after the last seq"
_RECONNECT_MS = (500, 3000)
"""Within which event streams come back, spread at random: to another replica, if there is one."""


class EndingStreams:
    """ASGI middleware. Once `stopping` is set, whoever waits for the client to go is told that it went. A response is ended properly,
    a socket is closed, and both are told to connect again: clients come back with the last id they saw.
    """

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        self._app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Exchange(receive, send, self._stopping).run(self._app, scope)
        elif scope["type"] == "websocket":
            await self._app(scope, _closing(receive, send, self._stopping), send)
        else:
            await self._app(scope, receive, send)


def _closing(receive: Receive, send: Send, stopping: asyncio.Event) -> Receive:
    """`receive` of a socket that is closed when `stopping` is set."""

    async def next_message() -> Message:
        message = await _unless(stopping, receive)
        if message is not None:
            return message
        await send({"type": "websocket.close", "code": SERVICE_RESTART, "reason": REASON})
        return {"type": "websocket.disconnect", "code": SERVICE_RESTART}

    return next_message


async def _unless(stopping: asyncio.Event, receive: Receive) -> Message | None:
    """The next message; None where `stopping` is set before there is one."""
    stop = asyncio.ensure_future(stopping.wait())
    receiving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((stop, receiving), return_when=asyncio.FIRST_COMPLETED)
        return receiving.result() if receiving.done() else None
    finally:
        stop.cancel()
        receiving.cancel()


class _Exchange:
    """One request and its response."""

    def __init__(self, receive: Receive, send: Send, stopping: asyncio.Event) -> None:
        self._receive_next = receive
        self._send_on = send
        self._stopping = stopping
        self._request_read = False
        self._cut = False
        self._unfinished = False
        self._events = False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._receive, self._send)
        if self._cut and self._unfinished:
            if self._events:
                retry = random.randint(*_RECONNECT_MS)  # noqa: S311  # no secret
                await self._send_on({"type": "http.response.body", "body": b"retry: %d\n\n" % retry, "more_body": True})
            await self._send_on({"type": "http.response.body", "body": b"", "more_body": False})

    async def _receive(self) -> Message:
        if not self._request_read:
            message = await self._receive_next()
            self._request_read = not message.get("more_body", False)
            return message
        received = await _unless(self._stopping, self._receive_next)
        if received is not None:
            return received
        self._cut = True
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._events = any(value.startswith(b"text/event-stream") for _, value in message.get("headers", ()))
        self._unfinished = message["type"] == "http.response.start" or message.get("more_body", False)
        await self._send_on(message)
