"""The API over a real engine: SQLite in a directory of its own, workers running."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from engine.bootstrap import open_engine
from engine.settings import Settings
from engine.storage.sqlite import SqliteStore
from graphql_api.app import create_app
from tests.api.client import Api, EngineRuntime
from tests.api.counting_store import CountingStore
from tests.api.tenants import Tenants, two_tenants
from tests.api.world import World, populated
from tests.stored_documents import nothing_changes

Unchanged = Callable[[], AbstractContextManager[None]]


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    store = CountingStore(await SqliteStore.open(tmp_path / "weft.db"))
    async with open_engine(Settings(data_dir=tmp_path), store=store) as engine:
        runtime = EngineRuntime(engine)
        api = Api(create_app(runtime), runtime, store)
        yield api
        await api.close()
        store.down = False
    await store.close()


@pytest.fixture
def unchanged(tmp_path: Path) -> Unchanged:
    """A context in which nothing that is stored may change."""
    return partial(nothing_changes, tmp_path / "weft.db")


@pytest.fixture
async def tenants(api: Api, tmp_path: Path) -> AsyncIterator[Tenants]:
    async with two_tenants(api, tmp_path) as tenants:
        yield tenants


@pytest.fixture
async def world(api: Api) -> World:
    return await populated(api)
