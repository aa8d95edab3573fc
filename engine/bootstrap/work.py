"""The part of an engine that drives executions: a worker, and what looks after it."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from engine.bootstrap.background import Background
from engine.domain.ids import WORKER, mint
from engine.executors.prices import Prices
from engine.runtime.aftermath import Aftermath
from engine.runtime.batches import BatchRunner
from engine.runtime.lanes import Lanes, LocalSlots, Slots
from engine.runtime.leased_slots import LeasedSlots
from engine.runtime.retention import Retention
from engine.runtime.roster import OnlyWorker, Roster, Share
from engine.runtime.step_cache import StepCache
from engine.runtime.step_runner import StepRunner
from engine.runtime.sweep import Sweep
from engine.runtime.worker import Worker
from engine.settings import Settings
from engine.storage.port import DocumentStore
from engine.storage.repositories.slots import SlotRepository
from engine.storage.repositories.workers import WorkerRepository
from engine.usecases.services import Services

if TYPE_CHECKING:
    from engine.executors.checkpointer import DocumentCheckpointer
    from engine.executors.memory import DocumentMemory


async def start_work(
    stack: AsyncExitStack,
    background: Background,
    *,
    settings: Settings,
    services: Services,
    cache: StepCache,
    prices: Prices,
) -> tuple[Worker, Share]:
    """The worker, and what falls to its share of what all of them look after. Everything is under way when it returns, and is handed
    back when the stack is left.
    """
    worker_id = mint(WORKER, services.random_bytes)
    leased: dict[tuple[str, str], LeasedSlots] = {}
    lanes = Lanes(settings.lanes, _slots(settings, services, worker_id, leased))
    runner = StepRunner(
        secrets=services.secrets,
        lanes=lanes,
        cache=cache,
        checkpointers=partial(_checkpointer, services.store),
        memories=partial(_memory, services.store),
        prices=prices,
        output_limit=services.limits.output_bytes,
    )
    worker = Worker(
        worker_id=worker_id,
        journal=services.journal,
        bus=services.bus,
        runner=runner,
        lanes=lanes,
        aftermath=Aftermath(services),
        clock=services.clock,
        exclusive=services.store.exclusive,
        capacity=settings.capacity,
        log_limit=services.limits.log_events,
        lease=settings.lease,
    )
    roster = (
        None
        if services.store.exclusive
        else Roster(WorkerRepository(services.store), worker_id, services.clock, settings.lease)
    )
    batches = BatchRunner(services)
    share: Share = roster or OnlyWorker()
    sweep = Sweep(
        queries=services.queries,
        batches=services.batches,
        worker=worker,
        batch_runner=batches,
        share=share,
        clock=services.clock,
    )
    retention = Retention(services.store, services.clock, share)

    async def sweeping(started: asyncio.Event) -> None:
        if services.store.exclusive:
            await sweep.void_leases()
        started.set()
        await sweep.run()

    async def retaining(started: asyncio.Event) -> None:
        started.set()
        await retention.run()

    for (lane, kind), slots in leased.items():
        slots.gained = worker.fill
        if kind == "execution":
            slots.lost = partial(worker.lose, lane)
        await background.start(slots.run)
        stack.push_async_callback(slots.close)
    if roster is not None:
        await background.start(roster.run)
        stack.push_async_callback(roster.leave)
    stack.push_async_callback(worker.stop, settings.grace)
    for loop in (worker.take_pokes, worker.take_hints, batches.run, sweeping, retaining):
        await background.start(loop)
    return worker, share


def _slots(
    settings: Settings, services: Services, worker_id: str, leased: dict[tuple[str, str], LeasedSlots]
) -> Callable[[str, str, int], Slots]:
    """Makes the slots of lanes: those that processes share are added to `leased`."""

    def shared(lane: str, kind: str, limit: int) -> Slots:
        slots = leased[lane, kind] = LeasedSlots(
            SlotRepository(services.store, f"{lane}/slots/{kind}"),
            limit,
            owner=worker_id,
            lease=settings.lease,
            clock=services.clock,
            random_bytes=services.random_bytes,
        )
        return slots

    return (lambda _, __, limit: LocalSlots(limit)) if services.store.exclusive else shared


# The kinds whose code may ask for these load the modules beforehand: see `engine.executors.late`.


def _checkpointer(
    store: DocumentStore, root_path: str, epoch: int, in_force: Callable[[], bool], on_saved: Callable[[str], None]
) -> "DocumentCheckpointer":
    from engine.executors.checkpointer import DocumentCheckpointer  # noqa: PLC0415

    return DocumentCheckpointer(store, root_path, epoch, on_saved, in_force)


def _memory(store: DocumentStore, tenant: str) -> "DocumentMemory":
    from engine.executors.memory import DocumentMemory  # noqa: PLC0415

    return DocumentMemory(store, tenant)
