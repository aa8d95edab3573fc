"""What a graph that Python code offers is to the engine."""

from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from engine.executors.graphs.state_types import StateTypes, state_types
from engine.executors.parts import Offered, PartsRefused

AnyRunnable = Runnable[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGraph:
    """`state_types` are what its checkpoints may hold."""

    runnable: AnyRunnable
    state_types: StateTypes


def known_graph(part: Offered[Any]) -> KnownGraph:
    """A `StateGraph` that was not compiled is compiled here. Raises `PartsRefused` for what is no Runnable."""
    runnable = _runnable(part)
    if isinstance(runnable, Pregel):
        return KnownGraph(runnable=runnable, state_types=state_types(runnable))
    return KnownGraph(runnable=runnable, state_types=StateTypes())


def _runnable(part: Offered[Any]) -> AnyRunnable:
    value = part.value
    if isinstance(value, StateGraph):
        try:
            return value.compile()
        except ValueError as error:
            raise PartsRefused(f"the graph {part.name!r} of {part.place} cannot be compiled: {error}") from error
    if not isinstance(value, Pregel | Runnable):
        raise PartsRefused(
            f"{value!r}, offered as the graph {part.name!r} by {part.place}, is no graph and no Runnable"
        )
    return value
