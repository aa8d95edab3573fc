"""The topics that `weft provision` creates are the ones that the engine uses."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from engine.bootstrap import open_engine
from engine.bus import topics
from engine.bus.local import LocalBus
from engine.bus.port import Handler, Message
from engine.bus.topology import GROUPS, RESERVED_PREFIX, TOPICS
from engine.settings import Settings
from weft.trigger_work import triggers_at_work


class WatchedBus(LocalBus):
    def __init__(self) -> None:
        super().__init__()
        self.groups: set[tuple[str, str]] = set()
        self.listened: set[str] = set()

    @asynccontextmanager
    async def consume(
        self, topic: str, group: str, handler: Handler, *, concurrency: int, subscription: str | None = None
    ) -> AsyncIterator[None]:
        self.groups.add((topic, group))
        async with super().consume(topic, group, handler, concurrency=concurrency, subscription=subscription):
            yield

    @asynccontextmanager
    async def listen(
        self, topic: str, *, only: Mapping[str, str] | None = None
    ) -> AsyncIterator[AsyncIterator[Message]]:
        self.listened.add(topic)
        async with super().listen(topic, only=only) as messages:
            yield messages


async def test_every_group_and_topic_of_the_engine_is_provisioned(tmp_path: Path) -> None:
    bus = WatchedBus()
    async with open_engine(Settings(data_dir=tmp_path), bus=bus) as engine, triggers_at_work(engine):
        pass
    assert bus.groups == set(GROUPS)
    assert bus.listened <= set(TOPICS)
    named = {value for value in vars(topics).values() if isinstance(value, str) and value.startswith(RESERVED_PREFIX)}
    assert named <= set(TOPICS)
