"""How many connections there may be: in a process, and of one caller."""

import asyncio
import logging
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from graphql_api.admission.limits import DEFAULT_LIMITS, changed
from graphql_api.admission.places import Places
from graphql_api.transports.heartbeat import Patience
from tests.api.holders import Holders
from tests.api.probe import probe_app
from tests.api.roles import RoleRuntime, only_error
from tests.api.serving import served
from tests.api.socket_client import SocketClient, connected
from tests.api.test_slow_clients import impatient
from tests.patience import PATIENCE_SECONDS
from weft.bounded_http import BoundedHttp
from weft.connection_bound import MOST_DESCRIPTORS, ConnectionBound, raise_descriptor_limit
from weft.serve import KEEP_ALIVE_SECONDS, server_config

SILENT = "subscription { silent }"
SSE = {"accept": "text/event-stream"}

# -------------------------------------------------------------------- of one caller


@pytest.fixture
async def address() -> AsyncIterator[str]:
    limits = changed(DEFAULT_LIMITS, {"editor": {"connections": 2}})
    app = probe_app(RoleRuntime(local=False), patience=Patience(), places=Places(limits))
    async with served(app) as address:
        yield address


async def begin(client: SocketClient, who: str = "editor ann") -> None:
    await client.send("connection_init", payload={"authorization": who})


@asynccontextmanager
async def streaming(address: str, who: str = "editor ann") -> AsyncIterator[httpx.Response]:
    async with (
        httpx.AsyncClient(headers={**SSE, "authorization": who}) as http,
        http.stream("POST", f"http://{address}/graphql", json={"query": SILENT}) as response,
    ):
        yield response


async def refused(address: str) -> bool:
    async with connected(address) as client:
        await begin(client)
        code, reason = await client.closed_because()
        assert reason == "At most 2 sockets and event streams at a time for one caller"
        return code == 4429


async def test_sockets_and_event_streams_of_one_caller_are_counted_together(address: str) -> None:
    async with connected(address) as client, streaming(address) as stream:
        await begin(client)
        assert await client.receive() == {"type": "connection_ack"}
        assert stream.status_code == 200
        assert await refused(address)
        async with streaming(address) as other:
            assert other.status_code == 429
            await other.aread()
            assert only_error(other)["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert await client.answers(), "those that are there go on"
        async with connected(address) as another:
            await begin(another, "editor bob")
            assert await another.receive() == {"type": "connection_ack"}


async def test_a_place_is_free_when_its_connection_has_ended(address: str) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            client = await stack.enter_async_context(connected(address))
            await begin(client)
            assert await client.receive() == {"type": "connection_ack"}
        assert await refused(address)
        await client.socket.close()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with streaming(address) as stream:
                    if stream.status_code == 200:
                        break


async def test_a_query_in_an_event_stream_leaves_its_place(address: str) -> None:
    async with httpx.AsyncClient(headers={**SSE, "authorization": "editor ann"}) as http:
        for _ in range(5):
            answer = await http.post(f"http://{address}/graphql", json={"query": "{ number }"})
            assert (answer.status_code, "event: complete" in answer.text) == (200, True)


# -------------------------------------------------------------------- of a process


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    body = b'{"query": "{ number }"}'
    writer.write(
        b"POST /graphql HTTP/1.1\r\nhost: weft\r\nauthorization: admin\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
    return (await reader.readuntil(b"}}")).startswith(b"HTTP/1.1 200")


async def test_connections_beyond_the_bound_are_closed_as_they_come(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    bound = ConnectionBound(most=2, clock=clock)
    async with served(probe_app(RoleRuntime(local=False)), bound) as address:
        host, port = address.split(":")
        async with connected(address) as client:
            await client.begin()
            reader, writer = await asyncio.open_connection(host, int(port))
            assert await answers(reader, writer)
            with caplog.at_level(logging.WARNING, "weft.connection_bound"):
                for number in range(5):
                    beyond, other = await asyncio.open_connection(host, int(port))
                    assert await asyncio.wait_for(beyond.read(), 5) == b""
                    other.close()
                    clock.now += 20 * (number == 3)
                assert [record.args for record in caplog.records] == [(2, 1)]
                clock.now += 60
                beyond, other = await asyncio.open_connection(host, int(port))
                assert await asyncio.wait_for(beyond.read(), 5) == b""
                other.close()
            assert [record.args for record in caplog.records] == [(2, 1), (2, 6)]
            assert bound.refused == 6
            assert await answers(reader, writer), "those that are there go on"
            assert await client.answers()
        while not await _served(host, int(port)):
            pass
        writer.close()


async def _served(host: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return await answers(reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()


def test_a_fifth_of_the_descriptors_is_left_to_others() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert ConnectionBound().most == min(soft, MOST_DESCRIPTORS) * 4 // 5


@pytest.fixture
def few_descriptors() -> Iterator[int]:
    """Gives the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_is_raised_to_the_hard_one(few_descriptors: int) -> None:
    raise_descriptor_limit()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == few_descriptors
    assert soft == (MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS))


# -------------------------------------------------------------------- between requests


class Suspicious(BoundedHttp):
    STRANGER_SECONDS = 0


def request(token: str, method: bytes = b"POST") -> bytes:
    body = b'{"query": "{ number }"}'
    return (
        b"%b /graphql HTTP/1.1\r\nhost: weft\r\nauthorization: Bearer %b\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (method, token.encode(), len(body), body)
    )


def test_a_stranger_is_kept_for_less_than_somebody_known() -> None:
    assert server_config(probe_app(RoleRuntime())).timeout_keep_alive == KEEP_ALIVE_SECONDS
    assert BoundedHttp.STRANGER_SECONDS < KEEP_ALIVE_SECONDS


async def test_a_connection_on_which_no_token_was_valid_is_not_kept(tmp_path: Path) -> None:
    holders = Holders(tmp_path)
    async with impatient(probe_app(holders.runtime), Suspicious) as port:
        for asked in (request("wrong"), b"GET /healthz HTTP/1.1\r\nhost: weft\r\nauthorization: Bearer x\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(asked)
            answer = await asyncio.wait_for(reader.read(), 5)
            assert answer.startswith(b"HTTP/1.1 40")
            assert b"connection: close" not in answer
            writer.close()


async def test_one_on_which_one_was_is_kept_whatever_comes_later(tmp_path: Path) -> None:
    holders = Holders(tmp_path)
    async with impatient(probe_app(holders.runtime), Suspicious) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for token, status in ((holders.admin, b"200"), ("wrong", b"401"), (holders.admin, b"200")):
            writer.write(request(token))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 " + status)
            await reader.readexactly(int(head.partition(b"content-length: ")[2].split()[0]))
            await asyncio.sleep(0.02)
        writer.close()
