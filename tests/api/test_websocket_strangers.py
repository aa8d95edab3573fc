"""Sockets of those whom nobody knows yet: what they may send is little, and their failed logins are counted."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from graphql_api.admission.rates import Rate, Rates
from graphql_api.transports.heartbeat import Patience
from graphql_api.transports.socket_messages import MAX_BEFORE_ACK, MAX_PING, CloseCode, SocketClosed, read_message
from tests.api.holders import Holders, bearer
from tests.api.probe import ProbeRuntime, probe_app
from tests.api.raw_socket import CONTINUATION, TEXT, frame, raw_socket
from tests.api.serving import served
from tests.api.socket_client import connected
from weft.quick_socket import MOST_FRAMES


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with served(probe_app(ProbeRuntime(), patience=Patience())) as address:
        yield address


def begun_frame(size: int, opcode: int = TEXT) -> bytes:
    """The head of one that never comes."""
    return bytes([0x80 | opcode, 0xFF]) + size.to_bytes(8, "big") + b"mask"


async def test_a_stranger_who_announces_a_large_message_is_closed_before_it_is_sent(address: str) -> None:
    async with raw_socket(address, begun=False) as socket:
        await socket.send_bytes(begun_frame(MAX_BEFORE_ACK + 1))
        assert await socket.closed() == 1009


async def test_nor_may_a_stranger_send_it_in_pieces(address: str) -> None:
    async with raw_socket(address, begun=False) as socket:
        await socket.send_bytes(frame(b" " * MAX_BEFORE_ACK, last=False) + frame(b" ", CONTINUATION, last=False))
        assert await socket.closed() == 1009


async def test_a_beginning_of_the_largest_size_is_read(address: str) -> None:
    init = b'{"type":"connection_init","payload":{"a":"%s"}}'
    async with raw_socket(address, begun=False) as socket:
        await socket.send_bytes(frame(init % (b"x" * (MAX_BEFORE_ACK - len(init) + 2))))
        assert await socket.receive() == (TEXT, b'{"type":"connection_ack"}')


def test_the_application_holds_to_it_whatever_the_server_lets_through() -> None:
    ping = '{"type":"ping"}'
    assert read_message(ping + " " * (MAX_PING - len(ping)), MAX_BEFORE_ACK)
    with pytest.raises(SocketClosed) as caught:
        read_message(ping + " " * MAX_BEFORE_ACK, MAX_BEFORE_ACK)
    assert caught.value.code == CloseCode.TOO_LARGE


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "before"])
async def test_a_ping_says_little(address: str, *, begun: bool) -> None:
    async with connected(address) as client:
        if begun:
            await client.begin()
        small = {"a": "x" * (MAX_PING - 100)}
        await client.send("ping", payload=small)
        assert await client.receive() == {"type": "pong", "payload": small}
        await client.send("ping", payload={"a": "x" * MAX_PING})
        assert await client.closed_because() == (1009, f"A ping or pong is larger than {MAX_PING} bytes")


async def test_a_message_has_so_many_frames_and_no_more(address: str) -> None:
    empty = frame(b"", CONTINUATION, last=False)
    async with raw_socket(address, begun=False) as socket:
        ping = frame(b'{"type":"ping"}', last=False) + empty * (MOST_FRAMES - 2) + frame(b"", CONTINUATION)
        await socket.send_bytes(ping * 2)
        assert [await socket.receive() for _ in range(2)] == [(TEXT, b'{"type":"pong"}')] * 2
        await socket.send_bytes(frame(b"", last=False) + empty * MOST_FRAMES)
        assert await socket.closed() == 1009


async def test_failed_logins_of_sockets_and_of_requests_are_counted_together(tmp_path: Path) -> None:
    holders = Holders(tmp_path)
    app = probe_app(holders.runtime, patience=Patience(), rates=Rates(failed_logins=Rate(5, 60)))
    async with served(app) as address, httpx.AsyncClient() as http:
        url, wrong = f"http://{address}/graphql", bearer("wrong")
        assert (await http.post(url, json={"query": "{ number }"}, headers=wrong)).status_code == 401
        ends = []
        for payload in ({"authorization": "Bearer wrong"}, {}) * 3:
            async with connected(address) as client:
                await client.send("connection_init", payload=payload)
                ends.append(await client.closed_because())
        assert ends[:4] == [(4403, "Forbidden"), (4401, "Unauthorized")] * 2
        assert [code for code, _ in ends[4:]] == [4403] * 2
        assert all(reason.startswith("More than 5 requests in 60 s") for _, reason in ends[4:])
        assert (await http.post(url, json={"query": "{ number }"}, headers=wrong)).status_code == 429
        async with connected(address, additional_headers=bearer(holders.admin)) as client:
            await client.begin()
            assert await client.answers(), "who is known is served meanwhile"
