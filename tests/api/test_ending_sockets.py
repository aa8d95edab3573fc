"""Sockets of a server that stops."""

import asyncio

from tests.api.client import Api
from tests.api.probe import ProbeRuntime, probe_app, stream_closed
from tests.api.serving import served
from tests.api.socket_client import connected
from tests.patience import PATIENCE_SECONDS
from weft.ending_streams import EndingStreams

WATCH_ALL = "subscription { executionUpdated { id } }"


async def test_a_socket_is_closed_with_a_reason_to_connect_again_when_the_server_stops(api: Api) -> None:
    stopping = asyncio.Event()
    async with (
        served(EndingStreams(api.app, stopping)) as address,
        connected(address) as client,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        await client.begin()
        await client.subscribe(WATCH_ALL)
        stopping.set()
        code, reason = await client.closed_because()
    assert code == 1012
    assert "connect again" in reason


async def test_all_sockets_are_closed_whatever_they_do() -> None:
    stopping = asyncio.Event()
    app = EndingStreams(probe_app(ProbeRuntime()), stopping)
    async with (
        served(app) as address,
        connected(address) as busy,
        connected(address) as quiet,
        connected(address) as idle,
        connected(address) as unread,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        for client in (busy, quiet, idle, unread):
            await client.begin()
        await quiet.subscribe("subscription { silent }")
        await busy.subscribe("subscription { endless(size: 1000) }")
        await unread.subscribe("{ number }")
        assert (await busy.receive())["type"] == "next"
        stopping.set()
        assert [await client.closed() for client in (busy, quiet, idle, unread)] == [1012] * 4
        await stream_closed()


async def test_who_connects_to_a_server_that_stops_is_sent_on() -> None:
    stopping = asyncio.Event()
    stopping.set()
    app = EndingStreams(probe_app(ProbeRuntime()), stopping)
    async with served(app) as address, connected(address) as client, asyncio.timeout(PATIENCE_SECONDS):
        assert await client.closed() == 1012


async def test_nothing_is_left_behind_by_sockets_that_came_and_went() -> None:
    app = EndingStreams(probe_app(ProbeRuntime()), asyncio.Event())
    async with served(app) as address:
        before = asyncio.all_tasks()
        for _ in range(3):
            async with connected(address) as client:
                await client.begin()
        while asyncio.all_tasks() != before:
            await asyncio.sleep(0.001)
