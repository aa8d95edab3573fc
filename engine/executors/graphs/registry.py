"""The graphs that Python code offers to steps of kind `graph`, by name."""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from engine.executors.marks import RegisteredGraph
from engine.executors.parts import Offered, PartsRefused, import_modules, offered_graphs, unique

if TYPE_CHECKING:
    from engine.executors.graphs.known_graph import KnownGraph

_KNOWN_GRAPH = "engine.executors.graphs.known_graph"


class Graphs(Mapping[str, "KnownGraph"]):
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

    def __getitem__(self, name: str) -> "KnownGraph":
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


def _known(part: Offered[Any]) -> "KnownGraph":
    # LangGraph is there already where a graph is offered; a server without any must not wait for it when it starts.
    known: KnownGraph = importlib.import_module(_KNOWN_GRAPH).known_graph(part)
    return known
