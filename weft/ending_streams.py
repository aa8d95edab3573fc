"""Lets a stopping server end its event streams, which would go on until their clients leave."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SERVICE_RESTART = 1012
"""The close code that tells a WebSocket's client to connect again; clients of graphql-transport-ws do so by themselves."""
REASON = "Service restart: connect again, and go on after the last seq"
_RECONNECT_MS = (500, 3000)
"""Within which event streams come back, spread at random: to another replica, if there is one."""

_log = logging.getLogger(__name__)


class EndingStreams:
    """ASGI middleware. Once `stopping` is set, whoever waits for the client to go is told that it went. A response is ended properly,
    a socket is closed, and both are told to connect again: clients come back with the last id they saw.
    """

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        self._app = app
        self._stopping = stopping
        self._sockets = _Sockets(stopping)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Exchange(receive, send, self._stopping).run(self._app, scope)
        elif scope["type"] == "websocket":
            with self._sockets.open(send) as socket:
                await self._app(scope, receive, socket.send)
        else:
            await self._app(scope, receive, send)


class _Closed(OSError):
    """By ASGI, what `send` raises once the socket is closed."""


class _Socket:
    """What is sent to a socket, until it is closed from here. A message takes no further step for it."""

    def __init__(self, send: Send) -> None:
        self._send_on = send
        self._closed = False

    def send(self, message: Message) -> Awaitable[None]:
        if self._closed:
            raise _Closed
        self._closed = message["type"] == "websocket.close"
        return self._send_on(message)

    async def close(self) -> None:
        """The server tells whoever receives from it that the socket is gone."""
        with suppress(OSError):  # it is gone already
            await self.send({"type": "websocket.close", "code": SERVICE_RESTART, "reason": REASON})


class _Sockets:
    """Those that are open, and one task that waits for all of them."""

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._open: set[_Socket] = set()
        self._waiting: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        """The loop alone would not keep them alive."""

    @contextmanager
    def open(self, send: Send) -> Iterator[_Socket]:
        socket = _Socket(send)
        self._open.add(socket)
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._close_all())
            self._closing.add(self._waiting)
            self._waiting.add_done_callback(self._closing.discard)
        try:
            yield socket
        except _Closed:
            pass  # it had something more to send, and nobody to send it to
        finally:
            self._open.discard(socket)
            if not self._open and self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None  # it ends in the next turn of the loop: who comes in this one needs another

    async def _close_all(self) -> None:
        await self._stopping.wait()
        self._waiting = None  # who comes from now on is closed by another
        outcomes = await asyncio.gather(*(socket.close() for socket in self._open), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                _log.warning("a socket could not be closed: %r", outcome)


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
