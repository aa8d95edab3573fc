"""An engine out of its parts."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from yaml import YAMLError

from engine.bootstrap.adapters import open_bus, open_secrets, open_store
from engine.bootstrap.background import Background
from engine.bootstrap.kinds import Parts, built_in_kinds
from engine.bootstrap.services import build_services
from engine.bootstrap.work import start_work
from engine.bus.port import MessageBus
from engine.domain.ids import RandomBytes
from engine.executors.catalogue import StepKindCatalogue
from engine.executors.functions import Functions
from engine.executors.graphs.registry import Graphs
from engine.executors.parts import import_modules, offered_kinds
from engine.executors.prices import Prices, load_prices
from engine.executors.script import Script, load_scripts, scripted_prices
from engine.runtime.children import Children
from engine.runtime.hub import Hub
from engine.runtime.repair import Repair
from engine.runtime.roster import Share
from engine.runtime.shared_clock import SharedClock, steady
from engine.runtime.step_cache import StepCache
from engine.runtime.worker import Worker
from engine.settings import BadSettings, Settings
from engine.storage.port import DocumentStore
from engine.usecases.journal import Clock
from engine.usecases.services import Services

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine. `functions` are those that steps may call, by name; there is no worker in the role `api`."""

    services: Services
    worker: Worker | None
    share: Share | None
    """Of what the workers look after together."""
    hub: Hub
    settings: Settings
    functions: Functions
    died: asyncio.Event
    """Set when a part of it ended that should have gone on: the process should be started again."""


def utc_now() -> datetime:
    return datetime.now(UTC)


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

    `store` and `bus` replace those of the settings, and stay open; `scripts` are added to those of the settings. In the role `api`
    nothing is driven here, in the role `worker` nobody can watch here.

    Raises `BadSettings`, `Unavailable` (the store is in use, or cannot be read), `PartsRefused`.
    """
    died = asyncio.Event()
    async with AsyncExitStack() as stack:
        if store is None:
            store = await open_store(settings)
            stack.push_async_callback(store.close)
        if bus is None:
            bus = await open_bus(settings)
            stack.push_async_callback(bus.close)
        if not store.exclusive:
            clock = await _shared_clock(stack, clock, store, died)
        hub = Hub(bus)
        children = Children()
        cache = StepCache(store, clock)
        modules = import_modules(settings.modules)
        functions = Functions.collect(modules)
        scripted = {name: script for path in settings.scripts for name, script in _loaded(load_scripts, path).items()}
        scripted.update(scripts or {})
        prices = _loaded(load_prices, settings.prices) if settings.prices else {}
        parts = Parts(
            bus=bus,
            functions=functions,
            graphs=Graphs.collect(modules),
            children=children,
            cache=cache,
            scripts=scripted,
            prices=Prices({**scripted_prices(scripted), **prices}),
            clock=clock,
        )
        built_in = await built_in_kinds(stack, settings, parts)
        kinds = StepKindCatalogue([*built_in.values(), *(offered.value() for offered in offered_kinds(modules))])
        built_in.update(kinds)
        revealed = await open_secrets(settings)
        stack.push_async_callback(revealed.close)
        services = build_services(
            settings, store, bus=bus, hub=hub, kinds=kinds, clock=clock, random_bytes=random_bytes, secrets=revealed
        )
        children.bind(services)
        background = await stack.enter_async_context(Background(died))
        stack.push_async_callback(services.journal.close)
        if settings.role != "worker":
            await background.start(hub.run)
            if not store.exclusive:
                await background.start(Repair(hub, services.executions).run)
        worker = share = None
        if settings.role != "api":
            worker, share = await start_work(
                stack, background, settings=settings, services=services, cache=cache, prices=parts.prices
            )
        yield Engine(
            services=services,
            worker=worker,
            share=share,
            hub=hub,
            settings=settings,
            functions=functions,
            died=died,
        )


async def _shared_clock(stack: AsyncExitStack, clock: Clock, store: DocumentStore, died: asyncio.Event) -> SharedClock:
    shared = SharedClock(steady(clock), store)
    await shared.look()
    background = await stack.enter_async_context(Background(died))
    await background.start(shared.run)
    return shared


def _loaded(load: Callable[[Path], T], path: Path) -> T:
    try:
        return load(path)
    except (OSError, ValueError, YAMLError) as error:
        raise BadSettings([f"{path}: {error}"]) from error
