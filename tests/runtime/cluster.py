"""Several engines on one store and one bus, as processes on several machines are."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from engine.bootstrap import open_engine, utc_now
from engine.bus.local import LocalBus
from engine.bus.port import MessageBus
from engine.settings import Settings
from engine.storage.sqlite import SqliteStore
from tests.runtime.client import Client
from tests.runtime.failing_store import FailingStore


class LossyBus(LocalBus):
    """Loses what is published on some topics."""

    def __init__(self) -> None:
        super().__init__(redelivery_seconds=(0.001,) * 5)
        self.loses: set[str] = set()

    def hint(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        if topic not in self.loses:
            super().hint(topic, body, attributes)


class Cluster:
    """`bus` is the one that loses messages; processes have it unless they are given another."""

    def __init__(self, settings: Settings, store: FailingStore, bus: LossyBus, given: MessageBus | None) -> None:
        self._settings = settings
        self.store = store
        self.bus = bus
        self._given = given

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings, bus: MessageBus | None = None) -> AsyncIterator["Cluster"]:
        store = ClockedStore(await SqliteStore.open(None), exclusive=False)
        lossy = LossyBus()
        yield cls(settings, store, lossy, bus)
        await lossy.close()
        await store.close()

    @asynccontextmanager
    async def process(
        self, role: str = "all", *, skew: timedelta = timedelta(0), capacity: int = 200
    ) -> AsyncIterator[Client]:
        """One more engine. `skew` is how far its machine's clock is ahead."""
        settings = replace(self._settings, role=role, lease=timedelta(seconds=2), capacity=capacity)
        bus = self._given or self.bus
        async with open_engine(settings, store=self.store, bus=bus, clock=lambda: utc_now() + skew) as engine:
            yield Client(engine)


class ClockedStore(FailingStore):
    """Has a clock, as a database has."""

    async def now(self) -> datetime | None:
        return utc_now()
