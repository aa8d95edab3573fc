"""What a server does beside answering requests ends with it, however it ends."""

import asyncio
from pathlib import Path

import pytest

from engine.bootstrap import Engine, open_engine
from engine.settings import Settings
from weft.serve import beside_the_server


async def fail_beside(engine: Engine, stopping: asyncio.Event) -> None:
    async with beside_the_server(engine, asyncio.Event(), stopping):
        await asyncio.sleep(0)
        raise RuntimeError("no server")


async def test_a_server_that_fails_leaves_nothing_running(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    async with asyncio.timeout(10), open_engine(Settings(data_dir=tmp_path)) as engine:
        before = asyncio.all_tasks()
        with pytest.raises(RuntimeError, match="no server"):
            await fail_beside(engine, stopping)
        assert asyncio.all_tasks() <= before


async def test_a_server_that_ends_without_a_signal_stops_the_worker(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    async with asyncio.timeout(10), open_engine(Settings(data_dir=tmp_path)) as engine:
        async with beside_the_server(engine, asyncio.Event(), stopping):
            pass
        assert stopping.is_set()
