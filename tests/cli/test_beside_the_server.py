"""What a server does beside answering requests ends with it, however it ends."""

import asyncio
from pathlib import Path

import pytest

from engine.bootstrap import Engine, open_engine
from engine.bootstrap.background import Background
from engine.settings import Settings
from tests.patience import PATIENCE_SECONDS
from weft.serve import EngineDied, beside_the_server


async def fail_beside(engine: Engine, stopping: asyncio.Event) -> None:
    async with beside_the_server(engine, asyncio.Event(), stopping):
        await asyncio.sleep(0)
        raise RuntimeError("no server")


async def test_a_server_that_fails_leaves_nothing_running(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS), open_engine(Settings(data_dir=tmp_path)) as engine:
        before = asyncio.all_tasks()
        with pytest.raises(RuntimeError, match="no server"):
            await fail_beside(engine, stopping)
        assert asyncio.all_tasks() <= before


async def test_a_server_that_ends_without_a_signal_stops_the_worker(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS), open_engine(Settings(data_dir=tmp_path)) as engine:
        async with beside_the_server(engine, asyncio.Event(), stopping):
            pass
        assert stopping.is_set()


async def test_a_process_whose_engine_broke_stops_and_says_that_it_should_be_started_again(tmp_path: Path) -> None:
    stopping = asyncio.Event()
    async with asyncio.timeout(PATIENCE_SECONDS), open_engine(Settings(data_dir=tmp_path)) as engine:
        engine.died.set()
        with pytest.raises(EngineDied, match="start the process again"):
            await serve_until(stopping, engine)


async def serve_until(stopping: asyncio.Event, engine: Engine) -> None:
    async with beside_the_server(engine, asyncio.Event(), stopping):
        await stopping.wait()


async def test_a_loop_that_dies_is_known_to_the_engine() -> None:
    died = asyncio.Event()
    go_on = asyncio.Event()

    async def loop(started: asyncio.Event) -> None:
        started.set()
        await go_on.wait()
        raise RuntimeError("a defect")

    async with asyncio.timeout(PATIENCE_SECONDS), Background(died) as background:
        await background.start(loop)
        assert not died.is_set()
        go_on.set()
        await died.wait()
