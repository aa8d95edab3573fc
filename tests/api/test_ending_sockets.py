"""Sockets of a server that stops."""

import asyncio

import pytest
from websockets import ConnectionClosedError, Subprotocol
from websockets.asyncio.client import connect

from tests.api.client import Api
from tests.api.serving import served
from weft.ending_streams import EndingStreams

WATCH_ALL = "subscription { executionUpdated { id } }"


async def test_a_socket_is_closed_with_a_reason_to_connect_again_when_the_server_stops(api: Api) -> None:
    stopping = asyncio.Event()
    async with (
        served(EndingStreams(api.app, stopping)) as address,
        connect(f"ws://{address}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]) as socket,
        asyncio.timeout(5),
    ):
        await socket.send('{"type": "connection_init"}')
        assert await socket.recv() == '{"type":"connection_ack"}'
        await socket.send(f'{{"type": "subscribe", "id": "1", "payload": {{"query": "{WATCH_ALL}"}}}}')
        stopping.set()
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert "connect again" in closed.value.rcvd.reason
