"""The step kinds that come with the engine, built out of what they work with."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from engine.bus.port import MessageBus
from engine.domain.kinds import StepKind
from engine.executors.addresses import AddressGuard
from engine.executors.agent import Agent
from engine.executors.approval import Approval
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
from engine.executors.pinned_transport import PinnedTransport, resolve_by_system
from engine.executors.prices import Prices
from engine.executors.script import Script
from engine.executors.signal import Signal
from engine.executors.sleep import Sleep
from engine.executors.step_reports import StepLogs
from engine.executors.threads import Threads
from engine.executors.transform import Transform
from engine.runtime.children import Children
from engine.runtime.model_cache import StoredModelCache
from engine.runtime.step_cache import StepCache
from engine.settings import Settings
from engine.usecases.journal import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the built-in kinds work with."""

    bus: MessageBus
    functions: Functions
    graphs: Graphs
    children: Children
    cache: StepCache
    scripts: Mapping[str, Script]
    prices: Prices
    clock: Clock


async def built_in_kinds(stack: AsyncExitStack, settings: Settings, parts: Parts) -> dict[str, StepKind]:
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
        Emit(parts.bus, now=parts.clock, topics=settings.emit_to),
        FailStep(),
    )
    kinds.update({kind.name: kind for kind in built_in})
    return kinds
