"""The slots of a lane that processes share: who waits for one gets one, whatever happened to the one that was held."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from engine.runtime.leased_slots import LeasedSlots
from engine.storage.port import Put
from engine.storage.repositories.slots import SlotRepository
from engine.storage.sqlite import SqliteStore
from tests.patience import PATIENCE_SECONDS
from tests.runtime.failing_store import FailingStore

LEASE = timedelta(milliseconds=60)
START = datetime(2030, 1, 1, tzinfo=UTC)


class Lane:
    """One slot, and a process that uses it. Its clock stands still; renewals come every 20 ms."""

    def __init__(self, store: FailingStore, slots: LeasedSlots, repository: SlotRepository) -> None:
        self.store = store
        self.slots = slots
        self._repository = repository

    async def taken_by_somebody_who_freed_it(self) -> None:
        document = await self.store.get(self._repository.path(0))
        assert document is not None
        await self.store.commit([Put(path=document.path, body=b"{}", if_rev=document.rev)])


@asynccontextmanager
async def lane() -> AsyncIterator[Lane]:
    store = FailingStore(await SqliteStore.open(None), exclusive=False)
    repository = SlotRepository(store, "gpu/slots/step")
    slots = LeasedSlots(repository, 1, owner="wk_1", lease=LEASE, clock=lambda: START, random_bytes=secrets.token_bytes)
    renewing = asyncio.create_task(slots.run(asyncio.Event()))
    yield Lane(store, slots, repository)
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)
    await slots.close()
    await store.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.002)


async def test_who_waits_gets_a_slot_although_the_one_that_was_held_was_lost() -> None:
    """Not before the one is done that lost it: the next slot stands for that one."""
    order: list[str] = []
    lost, done = asyncio.Event(), asyncio.Event()

    async def step(name: str) -> None:
        async with used.slots.slot(0):
            order.append(name)
            await done.wait()

    async with lane() as used, asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(step("first"))
        await until(lambda: order == ["first"])
        tasks.create_task(step("second"))
        await until(lambda: used.slots.awaited)
        used.slots.lost = lost.set
        await used.taken_by_somebody_who_freed_it()
        await lost.wait()
        await until(lambda: used.slots.held == 1)
        assert order == ["first"]
        done.set()
        await until(lambda: order == ["first", "second"])


async def test_a_slot_that_was_lost_is_told_of_once() -> None:
    told: list[None] = []
    async with lane() as used:
        used.slots.lost = lambda: told.append(None)
        used.slots.take()
        await until(lambda: used.slots.held == 1)
        assert used.slots.take()
        await used.taken_by_somebody_who_freed_it()
        await until(lambda: bool(told))
        await asyncio.sleep(5 * LEASE.total_seconds() / 3)
        assert len(told) == 1


async def test_a_renewal_that_was_written_and_reported_as_failed_loses_nothing() -> None:
    told: list[None] = []
    async with lane() as used:
        used.slots.lost = lambda: told.append(None)
        used.slots.take()
        await until(lambda: used.slots.held == 1)
        assert used.slots.take()
        used.store.unanswered = 1
        await until(lambda: used.store.refused == 1)
        await asyncio.sleep(5 * LEASE.total_seconds() / 3)
        assert used.slots.held == 1
        assert told == []
