"""What executions cost where every document that is read or written is paid for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from benchmarks.ends import Ends, heard
from benchmarks.tally import TallyingStore, Traffic
from engine.bootstrap import open_engine
from engine.bus.local import LocalBus
from engine.settings import Settings
from engine.storage.sqlite import SqliteStore
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.cluster import ClockedStore

STEPS = 5


class Pair:
    """An API and a worker, each with a store of its own that counts."""

    def __init__(self, api: Client, worker: Client, ends: Ends, stores: tuple[TallyingStore, TallyingStore]) -> None:
        self.api = api
        self._worker = worker
        self._ends = ends
        self._stores = stores

    async def traffic(self) -> Traffic:
        """Of one more execution, until nobody does anything about it any more."""
        for store in self._stores:
            store.tenants.take()
        execution_id = await self.api.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._ends.of(execution_id)
            while self._worker.worker.driving:
                await asyncio.sleep(0.001)
        api, worker = self._stores
        return api.tenants.take() + worker.tenants.take()


@pytest.fixture
async def pair(settings: Settings) -> AsyncIterator[Pair]:
    shared = ClockedStore(await SqliteStore.open(None), exclusive=False)
    bus = LocalBus()
    stores = (TallyingStore(shared), TallyingStore(shared))
    async with (
        open_engine(replace(settings, role="api"), store=stores[0], bus=bus) as api,
        open_engine(replace(settings, role="worker"), store=stores[1], bus=bus) as worker,
        heard(bus) as ends,
    ):
        yield Pair(Client(api), Client(worker), ends, stores)
    await bus.close()
    await shared.close()


async def test_five_steps_cost_at_most_ten_writes_and_three_reads(pair: Pair) -> None:
    await pair.api.define(*(call(f"s{n}", "echo", {"value": n}) for n in range(STEPS)))
    first = await pair.traffic()
    assert first.written <= 10
    later = await pair.traffic()
    assert later.written <= 10
    assert STEPS < later.commits <= STEPS + 2  # the start, the claim, and the end of each step
    assert later.read <= 3  # the workflow's name, the workflow, the head that is claimed
    assert later.queries == 0
    # The version and the tenant's triggers on events, once in each process; a query that finds nothing is paid for as one document.
    assert first.read <= later.read + 4
