"""A running engine on a store of its own, and a caller with short words for what tests do with it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from engine.bootstrap import open_engine
from engine.settings import Settings
from tests.runtime.client import Client
from tests.runtime.cluster import Cluster
from tests.runtime.parts import CALLS

OpenEngine = Callable[[], AbstractAsyncContextManager[Client]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, modules=("tests.runtime.parts", "tests.runtime.odd_functions"), lanes={"narrow": 1}
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    CALLS.clear()
    async with open_engine(settings) as engine:
        yield Client(engine)


@pytest.fixture
def opened(settings: Settings) -> OpenEngine:
    """Opens the engine on the same store again and again, as restarts do."""
    CALLS.clear()
    return partial(Client.opened, settings)


@pytest.fixture
async def cluster(settings: Settings) -> AsyncIterator[Cluster]:
    CALLS.clear()
    async with Cluster.opened(settings) as opened:
        yield opened
