from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.bus.port import MessageBus
from engine.storage.port import DocumentStore
from tests.contracts.backends import BUSES, SHOW_PARTS, STORES, OpenStore
from tests.emulators import Emulators


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest, tmp_path: Path, emulators: Emulators) -> OpenStore:
    return STORES[request.param](tmp_path, emulators)


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[DocumentStore]:
    async with open_store() as opened:
        yield opened


@pytest.fixture
async def atomic_store(store: DocumentStore, request: pytest.FixtureRequest) -> DocumentStore:
    """One whose commits appear as a whole also while they are applied."""
    backend = request.node.callspec.params["open_store"]
    if backend in SHOW_PARTS:
        pytest.skip(f"{backend} shows a commit while it is applied")
    return store


@pytest.fixture(params=BUSES)
async def bus(request: pytest.FixtureRequest, emulators: Emulators) -> AsyncIterator[MessageBus]:
    opened = await BUSES[request.param](emulators)
    yield opened
    await opened.close()
