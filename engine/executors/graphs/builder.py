"""Builds a declared graph into a LangGraph graph."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypedDict

import msgspec
from langgraph.channels import Topic
from langgraph.constants import START
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from engine.executors.graphs.channels import Channels
from engine.executors.graphs.declaration import Declaration
from engine.executors.graphs.joins import Joins
from engine.executors.graphs.problems import mentions_secrets
from engine.executors.graphs.reducers import REDUCERS, REPLACE

PENDING = "nodes/pending"
"""A channel of our own: the nodes that are about to run, so that each can see who runs beside it."""

Compiled = CompiledStateGraph[Any, Any, Any, Any]


class Visitor(Protocol):
    """Runs the nodes of one run."""

    async def visit(self, node: str, state: dict[str, Any], task_id: str) -> "Visit": ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a node has written, and which nodes come next."""

    update: dict[str, Any]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunContext:
    """Given to LangGraph with each run, so that a graph is built once for all of them."""

    visitor: Visitor


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltGraph:
    """`secretive` are the nodes whose `with` mentions secrets."""

    declaration: Declaration
    channels: Channels
    secretive: frozenset[str]
    joins: Joins
    compiled: Compiled


class GraphBuilder:
    """Keeps the graphs built last: compiling takes milliseconds, running a node a fraction of one."""

    def __init__(self, *, keep: int = 256) -> None:
        self._keep = keep
        self._built: OrderedDict[bytes, BuiltGraph] = OrderedDict()

    def build(self, declaration: Declaration) -> BuiltGraph:
        key = msgspec.json.encode(declaration.model_dump(mode="json", by_alias=True), order="deterministic")
        built = self._built.get(key) or _build(declaration)
        self._built[key] = built
        self._built.move_to_end(key)
        if len(self._built) > self._keep:
            self._built.popitem(last=False)
        return built


def task_name(node: str) -> str:
    """A node's name in LangGraph, where nodes and channels share their names."""
    return f"node/{node}"


def _build(declaration: Declaration) -> BuiltGraph:
    graph = StateGraph(_schema(declaration), context_schema=RunContext)
    for node in declaration.nodes:
        graph.add_node(task_name(node), _task(node))
    graph.add_conditional_edges(START, _entries)
    return BuiltGraph(
        declaration=declaration,
        channels=Channels(declaration),
        secretive=frozenset(name for name, node in declaration.nodes.items() if mentions_secrets(node.with_)),
        joins=Joins(declaration.all_edges()),
        compiled=graph.compile(),
    )


def _schema(declaration: Declaration) -> Any:
    channels: dict[str, Any] = {PENDING: Annotated[list[str], Topic(str)]}
    for name, channel in declaration.state.items():
        reducer = REDUCERS[channel.get("reduce", REPLACE)]
        # Any, because LangGraph would call a class to get the first value; ours is always part of the input.
        channels[name] = Any if reducer is None else Annotated[Any, reducer]
    return TypedDict("State", channels, total=False)  # type: ignore[operator]  # made at run time


def _entries(state: dict[str, Any]) -> list[str]:
    return [task_name(node) for node in state[PENDING]]


def _task(node: str) -> Any:
    async def task(state: dict[str, Any], runtime: Runtime[RunContext]) -> Command[str]:
        assert runtime.execution_info is not None
        visit = await runtime.context.visitor.visit(node, state, runtime.execution_info.task_id)
        goto = [task_name(target) for target in visit.targets]
        return Command(update={**visit.update, PENDING: list(visit.targets)}, goto=goto)

    return task
