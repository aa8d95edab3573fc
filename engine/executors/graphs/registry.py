"""The graphs that Python code offers to steps of kind `graph`, by name."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from engine.executors.graphs.state_types import StateTypes, state_types
from engine.executors.marks import RegisteredGraph
from engine.executors.parts import Offered, PartsRefused, import_modules, offered_graphs, unique

AnyRunnable = Runnable[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGraph:
    """`state_types` are what its checkpoints may hold."""

    runnable: AnyRunnable
    state_types: StateTypes


class Graphs(Mapping[str, KnownGraph]):
    """A `StateGraph` that was not compiled is compiled here. Raises `PartsRefused` for two graphs of one name, and for
    what is no Runnable.
    """

    def __init__(self, offered: Iterable[Offered[Any]]) -> None:
        self._graphs = {part.name: _known(part) for part in unique("graph", offered)}

    @classmethod
    def collect(cls, modules: Iterable[ModuleType], *, attributes: Sequence[str] = ()) -> "Graphs":
        """What the modules offer with `graph(name, runnable)`, and what `module:attribute` names lead to: under that
        name.
        """
        return cls([*offered_graphs(modules), *(_attribute(name) for name in attributes)])

    def __getitem__(self, name: str) -> KnownGraph:
        return self._graphs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._graphs)

    def __len__(self) -> int:
        return len(self._graphs)


def _attribute(name: str) -> Offered[Any]:
    module_name, _, path = name.partition(":")
    if not path:
        raise PartsRefused(f"{name!r} is no name of a graph: write module:attribute")
    (value,) = import_modules([module_name])
    found: Any = value
    for part in path.split("."):
        if not hasattr(found, part):
            raise PartsRefused(f"{name!r} cannot be found: there is no {part!r}")
        found = getattr(found, part)
    if isinstance(found, RegisteredGraph):
        found = found.runnable
    return Offered(name, found, name)


def _known(part: Offered[Any]) -> KnownGraph:
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
