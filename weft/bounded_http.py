"""The server's side of HTTP/1.1 connections, bounded in number, time and size: uvicorn waits for a request for ever."""

import asyncio
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from graphql_api.app import PATH
from graphql_api.transports.json_text import write_json
from weft.connection_bound import ConnectionBound

_REASONS = {
    HTTPStatus.BAD_REQUEST: ("BAD_REQUEST", "This is not a request of HTTP/1.1"),
    HTTPStatus.REQUEST_TIMEOUT: ("REQUEST_TIMEOUT", "The request did not come in time"),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: ("HEADERS_TOO_LARGE", "The address and the headers are too large"),
}


class BoundedHttp(HttpToolsProtocol):
    """A client that is slow on purpose holds a connection, and nothing else, no longer than this:

    - the address and the headers come within `HEAD_SECONDS` of the connection, or of the first byte of a later request, and
      have at most `HEAD_BYTES`;
    - a body brings at least `BODY_BYTES` in every `BODY_SECONDS`;
    - what is ready to be sent is taken within `WRITE_SECONDS`, of which the kernel and this process hold some 100 KB;
    - until a request of GraphQL has succeeded on it, it is kept for `STRANGER_SECONDS` between requests, and as long as the server says
      from then on: `/healthz`, and whatever else is answered without a token, makes nobody known;
    - one that is refused while it sends may go on for `LINGER_SECONDS`, unheard: a connection that is closed over unread bytes is
      reset, and the client would lose the answer.

    Beyond what `BOUND` has room for, a connection is closed as it comes.
    """

    BOUND: ConnectionBound | None = None
    STRANGER_SECONDS = 10
    HEAD_SECONDS = 10.0
    HEAD_BYTES = 65_536
    BODY_SECONDS = 20.0
    BODY_BYTES = 50_000
    WRITE_SECONDS = 60.0
    LINGER_SECONDS = 2.0

    _reading: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    _in_message = False
    _in_body = False
    _refused = False
    _head_bytes = 0
    _body_bytes = 0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.timeout_keep_alive = min(self.STRANGER_SECONDS, config.timeout_keep_alive)
        self.app = self._getting_to_know

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if self.BOUND is not None and self.BOUND.refuses(len(self.connections)):
            self._refused = True
            transport.abort()
            return
        self._reading = self.loop.call_later(self.HEAD_SECONDS, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if not self._in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._refused:
            return
        if not self._in_message:
            self._stop_waiting()
        elif self._in_body:
            self._body_bytes += len(data)
            if self._reading is None:
                self._await_body()
        elif self._head_bytes > self.HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._reading is None:
            self._reading = self.loop.call_later(self.HEAD_SECONDS, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def send_400_response(self, msg: str) -> None:
        del msg
        self._refuse(HTTPStatus.BAD_REQUEST)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_message = True

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_body = True
        self._head_bytes = 0
        self._stop_waiting()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_message = self._in_body = False

    def handle_websocket_upgrade(self) -> None:
        self._in_message = False
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(self.WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        self._stop_writing()

    async def _getting_to_know(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, until somebody is known: what succeeds at GraphQL's address had a token, or nobody needs one. A page of
        another origin asks by `OPTIONS` whether it may ask.
        """

        def noting(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                self.timeout_keep_alive = self.config.timeout_keep_alive
                self.app = self.config.loaded_app
            return send(message)

        asks = scope["path"] == PATH and scope["method"] != "OPTIONS"
        await self.config.loaded_app(scope, receive, noting if asks else send)

    def _await_body(self) -> None:
        self._body_bytes = 0
        self._reading = self.loop.call_later(self.BODY_SECONDS, self._look_at_body)

    def _look_at_body(self) -> None:
        """What is not read, because a former request on the connection is not answered yet, is not the client's fault."""
        if self._body_bytes >= self.BODY_BYTES or self.flow.read_paused:
            self._await_body()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Says why, unless an answer has begun."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        answered = self.cycle is None or self.cycle.response_complete
        if answered or not self.cycle.response_started:
            self.transport.write(_response(status))
        if answered:
            self._refused = True
            self.transport.write_eof()
            self._reading = self.loop.call_later(self.LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()  # which tells the application, too

    def _stop_waiting(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


def bounded_http(bound: ConnectionBound) -> type[BoundedHttp]:
    """A protocol is made for each connection, and is given nothing of ours."""

    class Bounded(BoundedHttp):
        BOUND = bound

    return Bounded


def _response(status: HTTPStatus) -> bytes:
    code, message = _REASONS[status]
    body = write_json({"errors": [{"message": message, "extensions": {"code": code}}]})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
