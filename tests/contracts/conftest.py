from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.bus.port import MessageBus
from engine.storage.port import DocumentStore
from tests.contracts.backends import BUSES, STORES, OpenStore


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[DocumentStore]:
    async with open_store() as opened:
        yield opened


@pytest.fixture(params=BUSES)
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[MessageBus]:
    opened = BUSES[request.param]()
    yield opened
    await opened.close()
