from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.storage.port import DocumentStore
from tests.contracts.backends import STORES, OpenStore
from tests.emulators import Emulators


@pytest.fixture(params=["sqlite in memory", "firestore"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path, emulators: Emulators) -> OpenStore:
    return STORES[request.param](tmp_path, emulators)


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[DocumentStore]:
    """For what LangGraph keeps: its state must be as safe in the cloud as on a laptop."""
    async with open_store() as opened:
        yield opened
