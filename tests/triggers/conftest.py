from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.settings import Settings
from tests.runtime.cluster import Cluster
from tests.triggers.at_work import ECHO, TriggerClient


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        modules=("tests.runtime.parts",),
        secrets={"plain": "correct horse battery staple", "github": "It's a Secret to Everybody"},
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[TriggerClient]:
    """With a workflow `test` that gives its input, and triggers at work."""
    async with TriggerClient.working(settings) as tester:
        await tester.define(ECHO)
        yield tester


@pytest.fixture
async def cluster(settings: Settings) -> AsyncIterator[Cluster]:
    async with Cluster.opened(settings) as opened:
        yield opened
