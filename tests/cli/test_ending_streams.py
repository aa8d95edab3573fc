"""Event streams of a server that stops."""

import asyncio
import re

import pytest
from starlette.types import Message, Receive, Scope, Send

from tests.patience import PATIENCE_SECONDS
from weft.ending_streams import EndingStreams

REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
    """As the API's event streams do: reads the request, sends something, and goes on until the client leaves."""
    del scope
    assert await receive() == REQUEST
    await send(START)
    await send({"type": "http.response.body", "body": b"event", "more_body": True})
    assert await receive() == {"type": "http.disconnect"}


class Client:
    """Sends one request; leaves when `gone` is set."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.gone = asyncio.Event()
        self._asked = False

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return REQUEST
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.got.append(message)


async def test_a_stream_is_ended_properly_when_the_server_stops() -> None:
    client, stopping = Client(), asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(EndingStreams(streaming, stopping)({"type": "http"}, client.receive, client.send))
        while len(client.got) < 2:
            await asyncio.sleep(0)
        stopping.set()
    assert client.got[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def test_a_client_that_leaves_is_sent_nothing_more() -> None:
    client = Client()
    client.gone.set()
    await EndingStreams(streaming, asyncio.Event())({"type": "http"}, client.receive, client.send)
    assert len(client.got) == 2


async def test_a_response_that_is_complete_is_left_alone() -> None:
    async def plain(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await send(START)
        await send({"type": "http.response.body", "body": b"done"})

    client, stopping = Client(), asyncio.Event()
    stopping.set()
    await EndingStreams(plain, stopping)({"type": "http"}, client.receive, client.send)
    assert [message["type"] for message in client.got] == ["http.response.start", "http.response.body"]


async def test_an_event_stream_is_told_when_to_come_back() -> None:
    async def events(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await send({**START, "headers": [(b"content-type", b"text/event-stream; charset=utf-8")]})
        await receive()

    client, stopping = Client(), asyncio.Event()
    stopping.set()
    await EndingStreams(events, stopping)({"type": "http"}, client.receive, client.send)
    assert re.fullmatch(rb"retry: \d{3,4}\n\n", client.got[-2]["body"])
    assert client.got[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


class SocketClient:
    """Of one socket, whose server goes on until it is closed. `refuses`: closing it fails."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.closed = asyncio.Event()
        self._refuses = refuses

    async def receive(self) -> Message:
        await self.closed.wait()
        return {"type": "websocket.disconnect"}

    async def send(self, message: Message) -> None:
        assert message["type"] == "websocket.close"
        if self._refuses:
            raise RuntimeError("it cannot be closed")
        await asyncio.sleep(0)
        self.closed.set()


async def receiving(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, send
    await receive()


async def test_a_socket_that_is_opened_when_the_last_one_ends_is_closed_too() -> None:
    stopping, next_one = asyncio.Event(), SocketClient()
    app = EndingStreams(receiving, stopping)
    first = SocketClient()
    first.closed.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await app({"type": "websocket"}, first.receive, first.send)
        asyncio.get_running_loop().call_soon(stopping.set)
        await app({"type": "websocket"}, next_one.receive, next_one.send)
    assert next_one.closed.is_set()


async def test_a_socket_that_cannot_be_closed_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    stopping, clients = asyncio.Event(), [SocketClient(refuses=True), *(SocketClient() for _ in range(3))]
    app = EndingStreams(receiving, stopping)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(app({"type": "websocket"}, client.receive, client.send))
        await asyncio.sleep(0)
        stopping.set()
        for client in clients[1:]:
            await client.closed.wait()
        clients[0].closed.set()
    assert "it cannot be closed" in caplog.text
