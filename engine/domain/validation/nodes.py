"""Validates the nodes of a declared graph against their kinds. How the graph hangs together is for its own kind to say."""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.domain.errors import Path, Problem
from engine.domain.kinds import StepKind
from engine.domain.validation.shape import did_you_mean, shape_problems


def node_problems(
    kind: StepKind, with_: Mapping[str, Any], path: Path, kinds: Mapping[str, StepKind]
) -> Iterator[Problem]:
    """`path` leads to `with_`. Expressions are checked with the graph, which knows their names."""
    nodes = with_.get("nodes")
    if kind.name != "graph" or not isinstance(nodes, Mapping):
        return
    for name, node in nodes.items():
        where = (*path, "nodes", str(name))
        written = node.get("kind") if isinstance(node, Mapping) else None
        if isinstance(written, str) and written not in kinds:
            message = f"there is no step kind '{written}'"
            yield Problem(message=message, path=(*where, "kind"), hint=did_you_mean(written, kinds))
        elif isinstance(written, str):
            of_node, settings = kinds[written], node.get("with", {})
            where = (*where, "with")
            yield from shape_problems(of_node.With, settings, where, templates=True, literal=of_node.DEFERRED)
