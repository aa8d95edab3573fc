"""Where branches of a declared graph meet again.

LangGraph runs a node in the super-step after any edge leads to it, so two branches of different length that meet in one
node would run it twice. Here such a node waits until no branch is under way that can still lead to it. Edges that close
a cycle do not count, or the nodes of a cycle would wait for each other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from engine.executors.graphs.declaration import END, START, EdgeDefinition


class Joins:
    def __init__(self, edges: Iterable[EdgeDefinition]) -> None:
        self._ahead = _closure(_without_cycles(_targets(edges)))

    def must_wait(self, node: str, pending: Collection[str]) -> bool:
        """Whether one of the nodes that are about to run can still lead to this one."""
        return any(node in self._ahead.get(other, ()) for other in pending if other != node)


def _targets(edges: Iterable[EdgeDefinition]) -> dict[str, list[str]]:
    targets: dict[str, list[str]] = {}
    for edge in edges:
        if edge.to != END:
            targets.setdefault(edge.from_, []).append(edge.to)
    return targets


def _without_cycles(targets: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The edges that a walk from START, depth first, does not find to lead back; keys are so ordered that a node comes
    after all that it leads to.
    """
    forward: dict[str, list[str]] = {}
    walking: dict[str, list[str]] = {START: []}
    left = {START: iter(targets.get(START, ()))}
    while walking:
        node = next(reversed(walking))
        target = next(left[node], None)
        if target is None:
            forward[node] = walking.pop(node)
        elif target not in walking:
            walking[node].append(target)
            if target not in forward:
                walking[target] = []
                left[target] = iter(targets.get(target, ()))
    return forward


def _closure(forward: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    ahead: dict[str, frozenset[str]] = {}
    for node, targets in forward.items():
        ahead[node] = frozenset(targets).union(*(ahead[target] for target in targets))
    return ahead
