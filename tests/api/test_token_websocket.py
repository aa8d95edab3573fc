"""Bearer tokens over the graphql-transport-ws protocol, frame by frame."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.api.holders import Holders, bearer
from tests.api.probe import probe_app, stream_closed
from tests.api.serving import served

PROTOCOL = Subprotocol("graphql-transport-ws")


@pytest.fixture
def holders(tmp_path: Path) -> Holders:
    return Holders(tmp_path)


@pytest.fixture
async def address(holders: Holders) -> AsyncIterator[str]:
    async with served(probe_app(holders.runtime)) as address:
        yield address


async def send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())


async def receive(socket: ClientConnection) -> dict[str, Any]:
    message = orjson.loads(await asyncio.wait_for(socket.recv(), 5))
    assert isinstance(message, dict)
    return message


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Code and reason, once everything that was sent before is read."""
    try:
        while True:
            await asyncio.wait_for(socket.recv(), 5)
    except ConnectionClosed:
        return socket.close_code or 0, socket.close_reason or ""


@asynccontextmanager
async def opened(address: str, token: str) -> AsyncIterator[ClientConnection]:
    async with connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL]) as socket:
        await send(socket, type="connection_init", payload={"authorization": f"Bearer {token}"})
        assert await receive(socket) == {"type": "connection_ack"}
        yield socket


async def answers(socket: ClientConnection) -> bool:
    await send(socket, type="ping")
    return await receive(socket) == {"type": "pong"}


@pytest.mark.parametrize("member", ["authorization", "Authorization"])
async def test_a_token_in_the_payload_opens_the_socket(address: str, holders: Holders, member: str) -> None:
    async with connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL]) as socket:
        await send(socket, type="connection_init", payload={member: f"bearer {holders.admin}"})
        assert await receive(socket) == {"type": "connection_ack"}
        await send(socket, type="subscribe", id="1", payload={"query": "{ number }"})
        assert (await receive(socket))["payload"] == {"data": {"number": 1}}


@pytest.mark.parametrize("init", [{}, {"payload": None}, {"payload": {}}, {"payload": {"authorization": None}}])
async def test_so_does_one_in_the_header_of_the_upgrade(address: str, holders: Holders, init: dict[str, Any]) -> None:
    async with connect(
        f"ws://{address}/graphql", subprotocols=[PROTOCOL], additional_headers=bearer(holders.admin)
    ) as socket:
        await send(socket, type="connection_init", **init)
        assert await receive(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "payload", [None, {}, {"authorization": ""}, {"authorization": 5}, {"authorization": "Basic x"}, {"token": "t"}]
)
async def test_a_socket_without_a_token_is_closed(address: str, payload: dict[str, Any] | None) -> None:
    async with connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL]) as socket:
        await send(socket, type="connection_init", payload=payload)
        assert await closed(socket) == (4401, "Unauthorized")


@pytest.mark.parametrize("shown", ["Bearer wrong", "Bearer a b", "Bearer " + "x" * 600])
async def test_a_socket_with_a_wrong_token_is_closed_another_way(address: str, shown: str) -> None:
    async with connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL]) as socket:
        await send(socket, type="connection_init", payload={"authorization": shown})
        assert await closed(socket) == (4403, "Forbidden")


async def test_a_wrong_token_in_the_payload_is_not_made_good_by_the_header(address: str, holders: Holders) -> None:
    async with connect(
        f"ws://{address}/graphql", subprotocols=[PROTOCOL], additional_headers=bearer(holders.admin)
    ) as socket:
        await send(socket, type="connection_init", payload={"authorization": "Bearer wrong"})
        assert await closed(socket) == (4403, "Forbidden")


async def test_nothing_is_executed_for_a_header_alone(address: str, holders: Holders) -> None:
    async with connect(
        f"ws://{address}/graphql", subprotocols=[PROTOCOL], additional_headers=bearer(holders.admin)
    ) as socket:
        await send(socket, type="subscribe", id="1", payload={"query": "{ number }"})
        assert await closed(socket) == (4401, "Unauthorized")


async def test_a_live_socket_is_closed_when_its_token_expires_and_its_streams_with_it(
    address: str, holders: Holders
) -> None:
    token = holders.add("short", lasts=timedelta(hours=1))
    holders.look()
    async with opened(address, token) as socket, opened(address, holders.admin) as other:
        await send(socket, type="subscribe", id="1", payload={"query": "subscription { silent }"})
        assert await answers(socket)
        holders.clock.ahead = timedelta(minutes=59)
        holders.look()
        assert await answers(socket)
        holders.clock.ahead = timedelta(hours=1)
        holders.look()
        assert await closed(socket) == (4403, "Forbidden")
        await stream_closed()
        assert await answers(other)


async def test_a_busy_socket_is_closed_as_well(address: str, holders: Holders) -> None:
    token = holders.add("busy")
    holders.look()
    async with opened(address, token) as socket:
        await send(socket, type="subscribe", id="1", payload={"query": "subscription { endless(size: 100000) }"})
        assert (await receive(socket))["type"] == "next"
        holders.remove(token)
        holders.look()
        assert await closed(socket) == (4403, "Forbidden")
        await stream_closed()


async def test_all_sockets_of_a_withdrawn_token_are_closed(address: str, holders: Holders) -> None:
    token = holders.add("leaked")
    holders.look()
    async with opened(address, token) as first, opened(address, token) as second:
        holders.remove(token)
        holders.look()
        assert await closed(first) == await closed(second) == (4403, "Forbidden")


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"tenant": "other"}, {"name": "another"}])
async def test_a_token_that_stands_for_somebody_else_by_now_opens_its_sockets_anew(
    address: str, holders: Holders, change: dict[str, str]
) -> None:
    token = holders.add("moved")
    holders.look()
    async with opened(address, token) as socket:
        holders.change(token, **change)
        holders.look()
        assert await closed(socket) == (4403, "Forbidden")
    async with opened(address, token) as socket:
        assert await answers(socket)


async def test_a_rewritten_file_closes_no_socket_whose_token_it_keeps(address: str, holders: Holders) -> None:
    token = holders.add("steady", lasts=timedelta(hours=1))
    holders.look()
    async with opened(address, token) as socket:
        holders.add("new")
        holders.change(token, expires_at="2100-01-01T00:00:00Z")
        holders.look()
        holders.clock.ahead = timedelta(hours=2)
        holders.look()
        assert await answers(socket)
