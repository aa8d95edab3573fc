"""Clients that are slow on purpose, on raw sockets: the server ends what they hold, and serves others meanwhile."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.api.probe import STREAMS, probe_app, stream_closed
from tests.api.roles import RoleRuntime
from weft.bounded_http import BoundedHttp
from weft.serve import server_config

HEAD = b"POST /graphql HTTP/1.1\r\nhost: weft\r\nauthorization: admin\r\ncontent-type: application/json\r\n"
BODY = b'{"query": "{ number }"}'
WHOLE = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


class Impatient(BoundedHttp):
    HEAD_SECONDS = 0.05
    BODY_SECONDS = 0.05
    BODY_BYTES = 10_000
    WRITE_SECONDS = 0.05
    LINGER_SECONDS = 0.2


@asynccontextmanager
async def impatient(app: ASGIApp | None = None, protocol: type[BoundedHttp] = Impatient) -> AsyncIterator[int]:
    """Gives the port."""
    config = uvicorn.Config(
        app or probe_app(RoleRuntime(local=False)),
        port=0,
        http=protocol,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.001)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def said(port: int, *pieces: bytes) -> bytes:
    """All that the server says until it ends the connection, after these pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.001)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def sent_for_ever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"a" * 1_000)
        await writer.drain()
        await asyncio.sleep(0.01)


async def answered(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        headers = {"authorization": "admin"}
        return (
            await client.post(f"http://127.0.0.1:{port}/graphql", json={"query": "{ number }"}, headers=headers)
        ).is_success


def test_the_server_is_bounded_so() -> None:
    config = server_config(probe_app(RoleRuntime()))
    assert isinstance(config.http, type)
    assert issubclass(config.http, BoundedHttp)


async def test_a_connection_on_which_nothing_comes_is_ended() -> None:
    async with impatient() as port:
        assert (await said(port)).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


async def test_headers_that_never_end_are_ended() -> None:
    async with impatient() as port:
        answer = await said(port, HEAD[:20], HEAD[20:], b"x-a: b\r\n", b"x-b: c\r\n")
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"REQUEST_TIMEOUT" in answer


async def test_one_byte_now_and_then_does_not_help() -> None:
    async with impatient() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answering = asyncio.create_task(reader.read())
        for byte in HEAD:
            if answering.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.004)
        with suppress(ConnectionResetError):  # a byte that came after the end takes the answer with it
            assert (await asyncio.wait_for(answering, 10)).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_headers_without_end_and_long_addresses_are_refused_by_their_size() -> None:
    async with impatient() as port:
        for endless in (
            HEAD + b"x: " + b"a" * 70_000,
            b"GET /graphql?query=" + b"a" * 70_000,
            b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 12_000,
        ):
            answer = await said(port, endless[:30_000], endless[30_000:60_000], endless[60_000:])
            assert answer.startswith(b"HTTP/1.1 431")


async def test_who_is_refused_and_goes_on_has_the_answer_and_is_cut_off() -> None:
    async with impatient() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"x: " + b"a" * 100_000)
        assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 431")
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(sent_for_ever(writer), 10)
        writer.close()


async def test_a_body_that_does_not_come_is_ended() -> None:
    async with impatient() as port:
        for start in (HEAD + b"content-length: 100\r\n\r\n{", HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"):
            assert (await said(port, start)).startswith(b"HTTP/1.1 408")


async def test_a_body_that_comes_steadily_is_read() -> None:
    """It takes longer than is allowed for a part of it."""
    body = BODY + b" " * 60_000
    pieces = [body[start : start + 3_000] for start in range(0, len(body), 3_000)]
    async with impatient() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body))
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.004)
        assert b'{"data":{"number":1}}' in await asyncio.wait_for(reader.read(), 10)
        writer.close()


async def test_a_later_request_of_the_connection_has_its_own_time() -> None:
    async with impatient() as port:
        assert (await said(port, WHOLE, WHOLE, HEAD)).count(b"HTTP/1.1 200") == 2


async def test_a_quiet_connection_between_requests_is_left_alone() -> None:
    async with impatient() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(WHOLE)
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b'"number":1}}')
            await asyncio.sleep(0.1)
        writer.close()


async def test_a_reader_that_stops_reading_is_cut_off_and_its_stream_ends() -> None:
    async with impatient() as port:
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            raw.settimeout(0)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(raw, ("127.0.0.1", port))
            body = b'{"query": "subscription { endless(size: 60000) }"}'
            head = HEAD + b"accept: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body)
            await loop.sock_sendall(raw, head + body)
            while "pulled" not in STREAMS:
                await asyncio.sleep(0.001)
            await stream_closed()
            assert await answered(port)


async def test_a_client_that_goes_away_within_its_request_leaves_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with impatient(protocol=BoundedHttp) as port:
        for start in (
            b"",
            HEAD[:9],
            HEAD,
            HEAD + b"content-length: 100\r\n\r\n",
            HEAD + b"content-length: 100\r\n\r\n{",
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(start)
            await writer.drain()
            writer.transport.abort()
        assert await answered(port)
    assert "ERROR" not in caplog.text


async def test_many_slow_clients_keep_nobody_from_being_served() -> None:
    async with impatient(protocol=BoundedHttp) as port:
        slow = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(200)]
        for number, writer in enumerate(slow):
            writer.write(HEAD[: number % len(HEAD)])
        assert await answered(port)
        for writer in slow:
            writer.close()


async def test_a_request_that_takes_long_to_answer_is_not_taken_for_a_slow_one() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await receive()
        await asyncio.sleep(0.1)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async with impatient(slow) as port:
        assert b"200 OK" in await said(port, WHOLE.replace(b"host", b"connection: close\r\nhost"))
