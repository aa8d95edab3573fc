"""Lets a stopping server end its event streams, which would go on until their clients leave."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class EndingStreams:
    """ASGI middleware. Once `stopping` is set, whoever waits for the client to go is told that it went, and the response
    is ended properly: clients come back with the last id they saw. WebSockets are closed by the server itself.
    """

    def __init__(self, app: ASGIApp, stopping: asyncio.Event) -> None:
        self._app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Exchange(receive, send, self._stopping).run(self._app, scope)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    """One request and its response."""

    def __init__(self, receive: Receive, send: Send, stopping: asyncio.Event) -> None:
        self._receive_next = receive
        self._send_on = send
        self._stopping = stopping
        self._request_read = False
        self._cut = False
        self._unfinished = False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._receive, self._send)
        if self._cut and self._unfinished:
            await self._send_on({"type": "http.response.body", "body": b"", "more_body": False})

    async def _receive(self) -> Message:
        if not self._request_read:
            message = await self._receive_next()
            self._request_read = not message.get("more_body", False)
            return message
        stopping = asyncio.ensure_future(self._stopping.wait())
        receiving = asyncio.ensure_future(self._receive_next())
        try:
            await asyncio.wait((stopping, receiving), return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                return receiving.result()
        finally:
            stopping.cancel()
            receiving.cancel()
        self._cut = True
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._unfinished = message["type"] == "http.response.start" or message.get("more_body", False)
        await self._send_on(message)
