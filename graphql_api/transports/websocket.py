"""The graphql-transport-ws protocol, for the clients of `graphql-ws`.

A connection is two tasks: one reads messages, one writes what is in the outbox. What has to be executed for this connection alone runs
in tasks beside them; what others watch too does not.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from engine.usecases.caller import Caller
from graphql_api.context import Context, Credentials, Identity, Runtime, Unauthenticated
from graphql_api.fanout.streams import Streams
from graphql_api.transports.heartbeat import Heartbeat, Patience
from graphql_api.transports.outbox import Outbox
from graphql_api.transports.refusal import RequestRefused, refuse
from graphql_api.transports.request import GraphQLRequest
from graphql_api.transports.socket_messages import (
    ACKNOWLEDGED,
    MAX_BEFORE_ACK,
    PROTOCOL,
    CloseCode,
    Complete,
    ConnectionInit,
    Message,
    Ping,
    SocketClosed,
    Subscribe,
    read_message,
)
from graphql_api.transports.socket_sink import SocketSink, put_json

MAX_OPERATIONS = 100
"""At a time on one socket."""
_MESSAGES_AT_A_TIME = 16
"""Of one socket, before others get their turn: a server hands on what it has read without a pause."""


class GraphQLOverWebSocket:
    """An ASGI application."""

    def __init__(
        self, streams: Streams, runtime: Runtime, *, patience: Patience | None = None, operations: int = MAX_OPERATIONS
    ) -> None:
        """`operations`: how many a socket may have at a time."""
        self.streams = streams
        self.runtime = runtime
        self.patience = patience or Patience()
        self.operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # the request to connect
        if PROTOCOL not in scope.get("subprotocols", ()):
            await send({"type": "websocket.accept"})
            await send(_close(SocketClosed(CloseCode.NOT_ACCEPTABLE, "Subprotocol not acceptable")))
            return
        await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        async with asyncio.TaskGroup() as tasks:
            outbox = Outbox(send)
            connection = _Connection(self, scope, receive, outbox, tasks)
            writing = tasks.create_task(outbox.run())
            writing.add_done_callback(connection.lost)
            closed = await connection.run()
            if closed is not None:  # a client that does not read is not waited for
                outbox.end(_close(closed))
                await asyncio.wait([writing], timeout=self.patience.closing_seconds)
            writing.cancel()
        await self.streams.settled()


def _close(closed: SocketClosed) -> dict[str, Any]:
    return {"type": "websocket.close", "code": int(closed.code), "reason": closed.reason}


class _Gone(Exception):  # the client has left
    """There is nobody to tell anything."""


class _Connection:
    def __init__(
        self, server: GraphQLOverWebSocket, scope: Scope, receive: Receive, outbox: Outbox, tasks: asyncio.TaskGroup
    ) -> None:
        self._server = server
        self._scope = scope
        self._receive = receive
        self._outbox = outbox
        self._tasks = tasks
        self._running: dict[str, SocketSink] = {}
        self._heartbeat = Heartbeat(
            server.patience,
            ping=lambda: put_json(outbox, {"type": "ping"}),
            busy=lambda: bool(self._running),
            end=self._interrupt,
        )
        outbox.on_drained = self._heartbeat.alive
        self._interruption = asyncio.timeout(None)
        self._over = False
        self._closed: SocketClosed | None = None
        self._largest = MAX_BEFORE_ACK

    async def run(self) -> SocketClosed | None:
        """To the end; None where the client has left."""
        try:
            async with self._interruption:
                await self._talk()
        except SocketClosed as closed:
            return closed
        except TimeoutError:
            if not self._interruption.expired():
                raise
            return self._closed
        except _Gone:
            return None
        finally:
            self._over = True
            self._heartbeat.stop()
            for sink in list(self._running.values()):
                sink.cancel()

    def lost(self, _: object) -> None:
        """Nothing can be sent any more."""
        self._interrupt(None)

    def _interrupt(self, closed: SocketClosed | None) -> None:
        if not self._over:
            self._over = True
            self._closed = closed
            self._interruption.reschedule(0)

    async def _talk(self) -> NoReturn:
        identity = await self._begin()
        with (
            self._place(identity.caller),
            identity.while_valid(lambda: self._interrupt(SocketClosed(CloseCode.FORBIDDEN, "Forbidden"))),
        ):
            self._acknowledge(identity.caller)
            while True:
                for _ in range(_MESSAGES_AT_A_TIME):
                    await self._answer(await self._next(), identity.caller)
                await asyncio.sleep(0)

    async def _begin(self) -> Identity:
        """Until it is known who the client is, which it says once."""
        deadline = asyncio.timeout(self._server.patience.init_seconds)
        try:
            async with deadline:
                while not isinstance(message := await self._next(), ConnectionInit):
                    if isinstance(message, Subscribe):
                        raise SocketClosed(CloseCode.UNAUTHORIZED, "Unauthorized")
                    if isinstance(message, Ping):
                        await self._pong(message)
                identity = await self._identify(message.payload or {})
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise SocketClosed(CloseCode.TIMEOUT, "Connection initialisation timeout") from error
        return identity

    @contextmanager
    def _place(self, caller: Caller) -> Iterator[None]:
        try:
            place = self._server.streams.places.take(caller)
        except RequestRefused as refusal:
            raise SocketClosed(CloseCode.TOO_MANY, str(refusal)) from refusal
        try:
            yield
        finally:
            place.leave()

    def _acknowledge(self, caller: Caller) -> None:
        self._largest = self._server.streams.limits_of(caller).body_bytes
        if ACKNOWLEDGED in (self._scope.get("extensions") or ()):
            self._outbox.put({"type": ACKNOWLEDGED}, 0)
        put_json(self._outbox, {"type": "connection_ack"})
        self._heartbeat.start()

    async def _identify(self, payload: dict[str, Any]) -> Identity:
        """By the payload, which is all that a browser can give; else by the header of the upgrade."""
        shown = payload.get("authorization") or payload.get("Authorization")
        if not isinstance(shown, str):
            shown = ", ".join(Headers(scope=self._scope).getlist("authorization")) or None
        try:
            return await self._server.runtime.identify(Credentials(authorization=shown))
        except Unauthenticated as error:
            self._count_stranger()
            if error.shown:  # clients of `graphql-ws` come back after that, with a new token if they have one
                raise SocketClosed(CloseCode.FORBIDDEN, "Forbidden") from error
            raise SocketClosed(CloseCode.UNAUTHORIZED, "Unauthorized") from error

    def _count_stranger(self) -> None:
        """With the failed requests of the same address over HTTP. Who is behind the same one and known is served meanwhile, which is why
        nobody is turned away before it was seen what they show.
        """
        client = self._scope.get("client")
        try:
            self._server.streams.rates.take_stranger(client[0] if client else None)
        except RequestRefused as refusal:
            raise SocketClosed(CloseCode.FORBIDDEN, str(refusal)) from refusal

    async def _answer(self, message: Message, caller: Caller) -> None:
        """What has an answer waits until there is room for it: who floods and does not read is read no further."""
        match message:
            case ConnectionInit():
                raise SocketClosed(CloseCode.TOO_MANY, "Too many initialisation requests")
            case Ping():
                await self._pong(message)
            case Subscribe(id=operation_id, payload=request):
                await self._outbox.made_room()
                self._heartbeat.wanted()
                self._subscribe(caller, operation_id, request)
                await asyncio.sleep(0)  # it may have been parsed and validated, which takes a while
            case Complete(id=operation_id):
                sink = self._running.pop(operation_id, None)
                if sink is not None:
                    sink.cancel()

    async def _pong(self, ping: Ping) -> None:
        await self._outbox.made_room()
        self._heartbeat.wanted()
        put_json(self._outbox, {"type": "pong"} if ping.payload is None else {"type": "pong", "payload": ping.payload})

    def _subscribe(self, caller: Caller, operation_id: str, request: GraphQLRequest) -> None:
        if operation_id in self._running:
            raise SocketClosed(CloseCode.SUBSCRIBER_EXISTS, f"Subscriber for {operation_id} already exists")
        sink = SocketSink(self._outbox, operation_id, self._ended)
        self._running[operation_id] = sink
        try:
            if len(self._running) > self._server.operations:
                most = self._server.operations
                raise refuse(429, "LIMIT_EXCEEDED", f"At most {most} operations at a time on one socket")
            services = self._server.runtime.services
            context = Context(services=services, caller=caller, extensions=request.extensions or {})
            sink.reader = self._server.streams.start(request, context, sink, self._tasks)
        except RequestRefused as refusal:
            sink.failed(refusal.errors)

    def _ended(self, operation_id: str) -> None:
        del self._running[operation_id]

    async def _next(self) -> Message:
        """Raises `SocketClosed` for what is not of the protocol, and `_Gone`."""
        received = await self._receive()
        if received["type"] == "websocket.disconnect":
            raise _Gone
        self._heartbeat.alive()
        return read_message(received.get("text"), self._largest)
