"""What is wrong with a declared graph, all at once, each with its path inside `with`."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from engine.domain.definition import STEP_ID
from engine.domain.errors import Path, Problem
from engine.domain.expressions import OPEN, references
from engine.domain.schemas import check_schema
from engine.domain.validation.shape import did_you_mean
from engine.executors.graphs.declaration import END, START, Declaration
from engine.executors.graphs.reducers import REDUCERS, REPLACE, TAKES

NOT_AS_NODES = frozenset({"map", "loop", "sleep"})
"""Kinds that the engine itself unfolds or wakes, which it cannot do inside a step."""

_NAME = re.compile(STEP_ID)
_LONGEST_NAME = 63


def declaration_problems(graph: Declaration) -> list[Problem]:
    """Everything but what depends on the kinds of the nodes."""
    found = [*_names(graph), *_channels(graph), *_updates(graph), *_edge_ends(graph)]
    return found or [*_ways(graph)]


def _names(graph: Declaration) -> Iterator[Problem]:
    for field, what, names in (("state", "channel", graph.state), ("nodes", "node", graph.nodes)):
        for name in names:
            if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME or name.startswith("__"):
                yield Problem(
                    message=f"{name!r} cannot be the name of a {what}",
                    path=(field, name),
                    hint=f"letters, digits and _, at most {_LONGEST_NAME}, neither a digit nor __ in front",
                )
            elif name in (START, END) and field == "nodes":
                yield Problem(
                    message=f"{name} is where graphs begin and end; a node needs another name", path=(field, name)
                )
    for name, node in graph.nodes.items():
        if node.kind in NOT_AS_NODES:
            yield Problem(
                message=f"a node cannot be of kind {node.kind}", path=("nodes", name, "kind"), hint=_INSTEAD[node.kind]
            )


_INSTEAD = {
    "map": "put the graph into a map, or let several edges lead to parallel nodes",
    "loop": "an edge that leads back makes a loop",
    "sleep": "put the pause into a step of its own",
}


def _channels(graph: Declaration) -> Iterator[Problem]:
    for name, channel in graph.state.items():
        reduce = channel.get("reduce", REPLACE)
        if not isinstance(reduce, str) or reduce not in REDUCERS:
            hint = did_you_mean(str(reduce), REDUCERS) or f"one of {', '.join(REDUCERS)}"
            yield Problem(message=f"there is no reducer {reduce!r}", path=("state", name, "reduce"), hint=hint)
            continue
        kind = channel.get("type")
        if isinstance(kind, str) and reduce in TAKES and kind not in TAKES[reduce]:
            message = f"the reducer {reduce!r} does not work on type {kind!r}"
            yield Problem(
                message=message, path=("state", name, "reduce"), hint=f"type {' or '.join(sorted(TAKES[reduce]))}"
            )
        for problem in check_schema(schema_of(channel)):
            yield Problem(message=problem.message, path=("state", name, *problem.path), hint=problem.hint)


def schema_of(channel: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in channel.items() if key != "reduce"}


def _updates(graph: Declaration) -> Iterator[Problem]:
    for name, node in graph.nodes.items():
        for channel in node.update:
            if mentions_secrets(node.update[channel]):
                yield Problem(message=NO_SECRETS_IN_STATE, path=("nodes", name, "update"), hint="use them in `with`")
            if channel not in graph.state:
                path = ("nodes", name, "update", channel)
                yield Problem(
                    message=f"there is no channel {channel!r}", path=path, hint=did_you_mean(channel, graph.state)
                )


NO_SECRETS_IN_STATE = "the state of a graph is kept, so secrets cannot go into it"


def mentions_secrets(value: Any) -> bool:
    return any(reference.uses_secrets for reference in references(value))


def _edge_ends(graph: Declaration) -> Iterator[Problem]:
    if graph.entry is not None and graph.entry not in graph.nodes and OPEN not in graph.entry:
        yield _unknown(graph.entry, ("entry",), graph.nodes)
    if graph.entry is None and not any(edge.from_ == START for edge in graph.edges):
        yield Problem(message="the graph has no beginning", hint="name the first node in `entry`")
    for index, edge in enumerate(graph.edges):
        place = ("edges", str(index))
        if edge.from_ == END or edge.to == START:
            yield Problem(
                message="no edge leads from END or to START", path=(*place, "from" if edge.from_ == END else "to")
            )
            continue
        if edge.from_ != START and edge.from_ not in graph.nodes:
            yield _unknown(edge.from_, (*place, "from"), [*graph.nodes, START])
        if edge.to != END and edge.to not in graph.nodes:
            yield _unknown(edge.to, (*place, "to"), [*graph.nodes, END])


def _ways(graph: Declaration) -> Iterator[Problem]:
    edges = graph.all_edges()
    reached = _closure(START, ((edge.from_, edge.to) for edge in edges))
    ending = _closure(END, ((edge.to, edge.from_) for edge in edges))
    for name in graph.nodes:
        if name not in reached:
            yield Problem(message=f"no edge leads to node {name!r}", path=("nodes", name))
        elif name not in ending:
            message = f"there is no way from node {name!r} to END"
            yield Problem(message=message, path=("nodes", name), hint=f"add an edge {{from: {name}, to: END}}")


def _closure(start: str, edges: Iterable[tuple[str, str]]) -> set[str]:
    targets: dict[str, list[str]] = {}
    for one, other in edges:
        targets.setdefault(one, []).append(other)
    found, pending = {start}, [start]
    while pending:
        new = [target for target in targets.get(pending.pop(), ()) if target not in found]
        found.update(new)
        pending += new
    return found


def _unknown(name: str, path: Path, known: Collection[str]) -> Problem:
    return Problem(message=f"there is no node {name!r}", path=path, hint=did_you_mean(name, known))
