"""The graphql-transport-ws protocol, for the clients of `graphql-ws`.

Sending awaits the socket, and the next response is pulled when the last one is sent: a slow reader slows its own
streams down and nothing piles up for it.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import aclosing
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from engine.usecases.caller import Caller
from graphql_api.context import Context, Credentials, Identity, Runtime, Unauthenticated
from graphql_api.transports.json_text import read_json, write_json
from graphql_api.transports.operations import Operations
from graphql_api.transports.reading import MAX_BODY
from graphql_api.transports.refusal import RequestRefused, refuse
from graphql_api.transports.request import GraphQLRequest

PROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_SECONDS = 10.0
MAX_OPERATIONS = 1000


class Message(msgspec.Struct, frozen=True, tag_field="type", tag=lambda name: name.lower()):
    """What a client may send."""


class ConnectionInit(Message, frozen=True, tag="connection_init"):
    payload: dict[str, Any] | None = None


class Ping(Message, frozen=True):
    payload: dict[str, Any] | None = None


class Pong(Message, frozen=True):
    payload: dict[str, Any] | None = None


class Subscribe(Message, frozen=True):
    id: str
    payload: GraphQLRequest


class Complete(Message, frozen=True):
    id: str


class _Closed(Exception):  # not an error, but the end
    """The connection ends because of what the client did; `code` is one of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLOverWebSocket:
    """An ASGI application."""

    def __init__(
        self, operations: Operations, runtime: Runtime, *, init_timeout_seconds: float = INIT_TIMEOUT_SECONDS
    ) -> None:
        self._operations = operations
        self._runtime = runtime
        self._init_timeout_seconds = init_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        if PROTOCOL not in socket.scope["subprotocols"]:
            await socket.accept()
            await socket.close(4406, "Subprotocol not acceptable")
            return
        await socket.accept(PROTOCOL)
        async with asyncio.TaskGroup() as tasks:
            connection = _Connection(socket, tasks, self._operations, self._runtime)
            try:
                identity = await _in_time(connection.begin(), self._init_timeout_seconds)
                await _while_valid(identity, connection.serve(identity.caller))
            except _Closed as closed:
                connection.cancel_all()  # first, since closing waits for a client that does not read
                await socket.close(closed.code, closed.reason)
            except WebSocketDisconnect:
                pass
            finally:
                connection.cancel_all()


async def _in_time(beginning: Awaitable[Identity], seconds: float) -> Identity:
    try:
        async with asyncio.timeout(seconds):
            return await beginning
    except TimeoutError as error:
        raise _Closed(4408, "Connection initialisation timeout") from error


async def _while_valid(identity: Identity, serving: Awaitable[None]) -> None:
    """Clients of `graphql-ws` come back after 4403, with a new token if they have one."""
    try:
        async with asyncio.timeout(None) as patience:
            with identity.while_valid(lambda: patience.reschedule(0)):
                await serving
    except TimeoutError as error:
        raise _Closed(4403, "Forbidden") from error


class _Connection:
    def __init__(self, socket: WebSocket, tasks: asyncio.TaskGroup, operations: Operations, runtime: Runtime) -> None:
        self._socket = socket
        self._tasks = tasks
        self._operations = operations
        self._runtime = runtime
        self._running: dict[str, asyncio.Task[None]] = {}

    async def begin(self) -> Identity:
        """Up to the acknowledgement. Who the client is, it says once."""
        while True:
            match await self._receive():
                case ConnectionInit(payload=payload):
                    identity = await self._identify(payload or {})
                    await self._send({"type": "connection_ack"})
                    return identity
                case Subscribe():
                    raise _Closed(4401, "Unauthorized")
                case Ping():
                    await self._send({"type": "pong"})

    async def _identify(self, payload: dict[str, Any]) -> Identity:
        """By the payload, which is all that a browser can give; else by the header of the upgrade."""
        shown = payload.get("authorization") or payload.get("Authorization")
        if not isinstance(shown, str):
            shown = ", ".join(self._socket.headers.getlist("authorization")) or None
        try:
            return await self._runtime.identify(Credentials(authorization=shown))
        except Unauthenticated as error:
            raise (_Closed(4403, "Forbidden") if error.shown else _Closed(4401, "Unauthorized")) from error

    async def serve(self, caller: Caller) -> None:
        """Until the client goes."""
        while True:
            match await self._receive():
                case ConnectionInit():
                    raise _Closed(4429, "Too many initialisation requests")
                case Ping():
                    await self._send({"type": "pong"})
                case Subscribe(id=operation_id, payload=request):
                    self._subscribe(caller, operation_id, request)
                case Complete(id=operation_id):
                    running = self._running.pop(operation_id, None)
                    if running:
                        running.cancel()

    def cancel_all(self) -> None:
        for task in self._running.values():
            task.cancel()

    def _subscribe(self, caller: Caller, operation_id: str, request: GraphQLRequest) -> None:
        if operation_id in self._running:
            raise _Closed(4409, f"Subscriber for {operation_id[:80]} already exists")
        self._running[operation_id] = self._tasks.create_task(self._run(caller, operation_id, request))

    async def _run(self, caller: Caller, operation_id: str, request: GraphQLRequest) -> None:
        try:
            await self._respond(caller, operation_id, request)
        except WebSocketDisconnect:
            pass  # the receiving side sees it too, and ends everything
        finally:
            if self._running.get(operation_id) is asyncio.current_task():
                del self._running[operation_id]

    async def _respond(self, caller: Caller, operation_id: str, request: GraphQLRequest) -> None:
        try:
            if len(self._running) > MAX_OPERATIONS:
                raise refuse(429, "LIMIT_EXCEEDED", f"At most {MAX_OPERATIONS} operations at a time on one socket")
            context = Context(services=self._runtime.services, caller=caller)
            operation = self._operations.prepare(request, context)
        except RequestRefused as refusal:
            await self._send({"type": "error", "id": operation_id, "payload": refusal.errors})
            return
        async with aclosing(operation.stream()) as responses:
            async for response in responses:
                if "data" not in response:
                    await self._send({"type": "error", "id": operation_id, "payload": response["errors"]})
                    return
                await self._send({"type": "next", "id": operation_id, "payload": response})
        await self._send({"type": "complete", "id": operation_id})

    async def _receive(self) -> Message:
        """Raises `_Closed` for what is not of the protocol, and `WebSocketDisconnect`."""
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if text is None:
            raise _Closed(4400, "Messages are texts")
        if len(text) > MAX_BODY:
            raise _Closed(1009, f"A message is larger than {MAX_BODY} bytes")
        try:
            return msgspec.convert(read_json(text), ConnectionInit | Ping | Pong | Subscribe | Complete)
        except (msgspec.ValidationError, RequestRefused) as error:
            raise _Closed(4400, f"Invalid message: {error}"[:120]) from error

    async def _send(self, message: dict[str, Any]) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            await self._socket.send_text(write_json(message).decode())
