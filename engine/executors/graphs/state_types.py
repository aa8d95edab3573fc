"""Which types the values in a registered graph's checkpoints may have.

Checkpoints are read strictly: a type that is not known to be harmless comes back as the plain data it consists of. What
the author's own code declares in the state of the graph is known; without this list a node would get a dict after a
resume where it got a dataclass before.
"""

from typing import Any

from langgraph._internal._serde import build_serde_allowlist
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel

StateTypes = frozenset[tuple[str, ...]]
"""By module and name."""


def state_types(graph: Pregel[Any, Any, Any, Any]) -> StateTypes:
    """Of the graph and its subgraphs."""
    graphs = [graph, *(subgraph for _, subgraph in graph.get_subgraphs(recurse=True))]
    return StateTypes().union(*(_own_types(each) for each in graphs))


def _own_types(graph: Any) -> set[tuple[str, ...]]:
    schemas: list[type[Any]] = []
    if isinstance(graph, CompiledStateGraph):
        builder = graph.builder
        schemas = [builder.state_schema, builder.input_schema, builder.output_schema]
        schemas += [node.input_schema for node in builder.nodes.values()]
    return build_serde_allowlist(schemas=schemas, channels=getattr(graph, "channels", None))
