"""Builds an engine out of its parts and takes it down again: the only place that names adapters."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from yaml import YAMLError

from engine.bus.local import LocalBus
from engine.bus.port import MessageBus
from engine.bus.topics import BATCH_WAKE, EVENTS, WAKE
from engine.domain.ids import WORKER, RandomBytes, mint
from engine.domain.kinds import StepKind
from engine.domain.validation import DefinitionLimits
from engine.executors.addresses import AddressGuard
from engine.executors.agent import Agent
from engine.executors.approval import Approval
from engine.executors.catalogue import StepKindCatalogue
from engine.executors.child import Child
from engine.executors.decide import Decide
from engine.executors.emit import Emit
from engine.executors.fail import FailStep
from engine.executors.function import Function
from engine.executors.function_calls import FunctionCalls
from engine.executors.functions import Functions
from engine.executors.graph import Graph
from engine.executors.graphs.registry import Graphs
from engine.executors.http import Http
from engine.executors.llm import Llm
from engine.executors.loop import Loop
from engine.executors.map_over import Map
from engine.executors.mcp_tools import McpSessions
from engine.executors.model_caller import ModelCaller
from engine.executors.models import ModelCatalogue
from engine.executors.parts import import_modules, offered_kinds
from engine.executors.pinned_transport import PinnedTransport, resolve_by_system
from engine.executors.prices import Prices, load_prices
from engine.executors.script import Script, load_scripts, scripted_prices
from engine.executors.signal import Signal
from engine.executors.sleep import Sleep
from engine.executors.step_reports import StepLogs
from engine.executors.threads import Threads
from engine.executors.transform import Transform
from engine.runtime.aftermath import Aftermath
from engine.runtime.batches import BatchRunner
from engine.runtime.children import Children
from engine.runtime.hub import Hub
from engine.runtime.lanes import Lanes
from engine.runtime.model_cache import StoredModelCache
from engine.runtime.retention import Retention
from engine.runtime.step_cache import StepCache
from engine.runtime.step_runner import StepRunner
from engine.runtime.sweep import Sweep
from engine.runtime.worker import Worker
from engine.secrets.environment import EnvironmentSecrets
from engine.settings import BadSettings, Settings
from engine.storage.port import DocumentStore
from engine.storage.repositories.batches import BatchRepository
from engine.storage.repositories.concurrency import ConcurrencyRepository
from engine.storage.repositories.execution_queries import ExecutionQueries
from engine.storage.repositories.executions import ExecutionRepository
from engine.storage.repositories.idempotency import IdempotencyRepository
from engine.storage.repositories.plans import Plans
from engine.storage.repositories.waits import WaitRepository
from engine.storage.repositories.workflows import WorkflowRepository
from engine.storage.sqlite import SqliteStore
from engine.usecases.journal import Clock, Journal
from engine.usecases.services import Limits, Services

if TYPE_CHECKING:
    from engine.executors.checkpointer import DocumentCheckpointer
    from engine.executors.memory import DocumentMemory

DATABASE = "weft.db"
OWN_TOPICS = frozenset({EVENTS, WAKE, BATCH_WAKE})

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine. `functions` are those that steps may call, by name."""

    services: Services
    worker: Worker
    hub: Hub
    settings: Settings
    functions: Functions


def utc_now() -> datetime:
    return datetime.now(UTC)


async def open_store(settings: Settings) -> DocumentStore:
    """The store alone, for whoever closes it. Raises `CannotOpenStore`, as where another process has it open."""
    if settings.store == "firestore":
        from engine.storage.firestore import FirestoreStore  # noqa: PLC0415  # Google's client, in this mode alone

        return await FirestoreStore.open(
            project=settings.project, database=settings.database, emulator=settings.firestore_emulator
        )
    return await SqliteStore.open(settings.data_dir / DATABASE)


async def open_bus(settings: Settings) -> MessageBus:
    """The bus alone, for whoever closes it. Raises `Unavailable`."""
    if settings.bus == "pubsub":
        from engine.bus.pubsub import PubSubBus  # noqa: PLC0415  # Google's client, in this mode alone

        return await PubSubBus.open(
            project=settings.project, emulator=settings.pubsub_emulator, provision=settings.provision == "auto"
        )
    return LocalBus()


@asynccontextmanager
async def open_engine(
    settings: Settings,
    *,
    store: DocumentStore | None = None,
    bus: MessageBus | None = None,
    clock: Clock = utc_now,
    random_bytes: RandomBytes = secrets.token_bytes,
    scripts: Mapping[str, Script] | None = None,
) -> AsyncIterator[Engine]:
    """Everything is running when the context is entered, and has been handed back and closed when it is left.

    `store` and `bus` replace those of the settings, and stay open; `scripts` are added to those of the settings.

    Raises `BadSettings`, `Unavailable` (the store is in use, or cannot be read), `PartsRefused`.
    """
    async with AsyncExitStack() as stack:
        if store is None:
            store = await open_store(settings)
            stack.push_async_callback(store.close)
        if bus is None:
            bus = await open_bus(settings)
            stack.push_async_callback(bus.close)
        hub = Hub(bus)
        children = Children()
        cache = StepCache(store, clock)
        modules = import_modules(settings.modules)
        functions = Functions.collect(modules)
        scripted = {name: script for path in settings.scripts for name, script in _loaded(load_scripts, path).items()}
        scripted.update(scripts or {})
        prices = _loaded(load_prices, settings.prices) if settings.prices else {}
        parts = _Parts(
            bus=bus,
            functions=functions,
            graphs=Graphs.collect(modules),
            children=children,
            cache=cache,
            scripts=scripted,
            prices=Prices({**scripted_prices(scripted), **prices}),
            clock=clock,
        )
        built_in = await _built_in_kinds(stack, settings, parts)
        kinds = StepKindCatalogue([*built_in.values(), *(offered.value() for offered in offered_kinds(modules))])
        built_in.update(kinds)
        services = _services(settings, store, bus=bus, hub=hub, kinds=kinds, clock=clock, random_bytes=random_bytes)
        children.bind(services)
        worker, background = _runtime(settings, services, hub, cache, parts.prices)
        await _run(stack, background)
        grace = settings.grace.total_seconds()
        stack.push_async_callback(services.journal.close)
        stack.push_async_callback(worker.stop, grace)
        yield Engine(services=services, worker=worker, hub=hub, settings=settings, functions=functions)


def _loaded(load: Callable[[Path], T], path: Path) -> T:
    try:
        return load(path)
    except (OSError, ValueError, YAMLError) as error:
        raise BadSettings([f"{path}: {error}"]) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What the built-in kinds work with."""

    bus: MessageBus
    functions: Functions
    graphs: Graphs
    children: Children
    cache: StepCache
    scripts: Mapping[str, Script]
    prices: Prices
    clock: Clock


async def _built_in_kinds(stack: AsyncExitStack, settings: Settings, parts: _Parts) -> dict[str, StepKind]:
    """By name. Nodes of graphs are looked up in the same dictionary: kinds that are added to it later can be used there too."""
    threads = Threads()
    stack.push_async_callback(threads.close)
    logs = stack.enter_context(StepLogs(logging.getLogger()))
    guard = AddressGuard(resolve_by_system, allowed_networks=settings.http_allow)
    transport = await stack.enter_async_context(PinnedTransport(guard))
    models = ModelCatalogue(parts.scripts)
    stack.push_async_callback(models.close)
    caller = ModelCaller(models, parts.prices)
    calls = FunctionCalls(parts.functions, threads)
    http = Http(transport)
    kinds: dict[str, StepKind] = {}
    built_in: Iterable[StepKind] = (
        Function(calls, logs),
        Transform(),
        Decide(caller),
        http,
        Llm(caller, StoredModelCache(parts.cache)),
        Agent(caller, calls, http, McpSessions(transport), logs),
        Graph(parts.graphs, lambda: kinds, prices=parts.prices, logs=logs),
        Approval(),
        Signal(),
        Sleep(),
        Child(parts.children),
        Map(),
        Loop(),
        Emit(parts.bus, now=parts.clock, reserved=OWN_TOPICS),
        FailStep(),
    )
    kinds.update({kind.name: kind for kind in built_in})
    return kinds


def _services(
    settings: Settings,
    store: DocumentStore,
    *,
    bus: MessageBus,
    hub: Hub,
    kinds: StepKindCatalogue,
    clock: Clock,
    random_bytes: RandomBytes,
) -> Services:
    workflows = WorkflowRepository(store)
    plans = Plans(workflows, kinds)
    executions = ExecutionRepository(store, plans, retention=settings.retention)
    return Services(
        store=store,
        bus=bus,
        workflows=workflows,
        executions=executions,
        queries=ExecutionQueries(store),
        plans=plans,
        batches=BatchRepository(store),
        waits=WaitRepository(store),
        idempotency=IdempotencyRepository(store),
        concurrency=ConcurrencyRepository(store),
        journal=Journal(executions, bus, clock, exclusive=store.exclusive),
        hub=hub,
        kinds=kinds,
        limits=Limits(definition=DefinitionLimits()),
        clock=clock,
        random_bytes=random_bytes,
        adapters={"store": settings.store, "bus": settings.bus},
        lanes=settings.lanes,
        started_at=clock(),
        version=version("weft"),
    )


def _runtime(
    settings: Settings, services: Services, hub: Hub, cache: StepCache, prices: Prices
) -> tuple[Worker, list[Callable[[asyncio.Event], object]]]:
    lanes = Lanes(settings.lanes)
    runner = StepRunner(
        secrets=EnvironmentSecrets(settings.secrets),
        lanes=lanes,
        cache=cache,
        checkpointers=partial(_checkpointer, services.store),
        memories=partial(_memory, services.store),
        prices=prices,
        output_limit=services.limits.output_bytes,
    )
    worker = Worker(
        worker_id=mint(WORKER, services.random_bytes),
        journal=services.journal,
        bus=services.bus,
        runner=runner,
        lanes=lanes,
        aftermath=Aftermath(services),
        clock=services.clock,
        exclusive=services.store.exclusive,
        capacity=settings.capacity,
        log_limit=services.limits.log_events,
    )
    batches = BatchRunner(services)
    sweep = Sweep(
        queries=services.queries,
        batches=services.batches,
        worker=worker,
        batch_runner=batches,
        clock=services.clock,
    )
    retention = Retention(services.store, services.clock)

    async def sweeping(started: asyncio.Event) -> None:
        if services.store.exclusive:
            await sweep.void_leases()
        started.set()
        await sweep.run()

    async def retaining(started: asyncio.Event) -> None:
        started.set()
        await retention.run()

    return worker, [hub.run, worker.run, batches.run, sweeping, retaining]


# The kinds whose code may ask for these load the modules beforehand: see `engine.executors.late`.


def _checkpointer(
    store: DocumentStore, root_path: str, epoch: int, on_saved: Callable[[str], None]
) -> "DocumentCheckpointer":
    from engine.executors.checkpointer import DocumentCheckpointer  # noqa: PLC0415

    return DocumentCheckpointer(store, root_path, epoch, on_saved)


def _memory(store: DocumentStore, tenant: str) -> "DocumentMemory":
    from engine.executors.memory import DocumentMemory  # noqa: PLC0415

    return DocumentMemory(store, tenant)


async def _run(stack: AsyncExitStack, background: Iterable[Callable[[asyncio.Event], object]]) -> None:
    """Starts the loops of the engine and waits until each is ready; they are cancelled when the stack is left."""
    group = await stack.enter_async_context(_Background())
    for loop in background:
        await group.start(loop)


class _Background:
    """Loops that live as long as the engine. One that dies takes no other with it, but is loud."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def start(self, loop: Callable[[asyncio.Event], object]) -> None:
        started = asyncio.Event()
        task: asyncio.Task[None] = asyncio.create_task(loop(started))  # type: ignore[arg-type]  # each is a coroutine function
        task.add_done_callback(_say_if_died)
        self._tasks.append(task)
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            await task


def _say_if_died(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("a loop of the engine died", exc_info=task.exception())
