"""The state of a declared graph: its channels, their reducers and types, and the way that follows from it."""

from collections.abc import Mapping
from typing import Any

from engine.domain.expressions import ExpressionFailed, Scope, condition
from engine.domain.schemas import validate
from engine.executors.graphs.declaration import END, START, Declaration, EdgeDefinition
from engine.executors.graphs.problems import schema_of
from engine.executors.graphs.reducers import UpdateRefused, initial_value, reduced
from engine.executors.graphs.refusals import Where, refusal, refused_expression
from engine.executors.port import StepFailure

State = dict[str, Any]


class Channels:
    def __init__(self, declaration: Declaration) -> None:
        self._channels = declaration.state
        self._schemas = {name: schema_of(channel) for name, channel in declaration.state.items()}
        self._edges: dict[str, list[tuple[Where, EdgeDefinition]]] = {}
        for index, edge in enumerate(declaration.edges):
            self._edges.setdefault(edge.from_, []).append((("edges", str(index), "when"), edge))
        if declaration.entry is not None:
            entry = EdgeDefinition(**{"from": START, "to": declaration.entry})
            self._edges.setdefault(START, []).append((("entry",), entry))

    def first(self, given: Any) -> State:
        """A value for every channel. Raises `StepFailure` for an input that does not fit: LangGraph would drop it
        silently.
        """
        if not isinstance(given, dict):
            raise StepFailure(
                refusal("invalid_input", "the input of a graph is an object, with a value for each channel", ("input",))
            )
        for name in given.keys() - self._channels.keys():
            raise StepFailure(refusal("invalid_input", f"the graph has no channel {name!r}", ("input", name)))
        empty = {name: initial_value(channel) for name, channel in self._channels.items()}
        return self.updated(empty, given, ("input",), code="invalid_input")

    def of(self, values: Mapping[str, Any]) -> State:
        """The declared channels out of LangGraph's."""
        return {name: values.get(name) for name in self._channels}

    def updated(self, state: State, update: Mapping[str, Any], path: Where, *, code: str = "invalid_update") -> State:
        """Raises `StepFailure` for an update that the reducer or the type of its channel refuses."""
        return state | {
            name: self._updated(name, state[name], value, (*path, name), code) for name, value in update.items()
        }

    def _updated(self, name: str, current: Any, value: Any, path: Where, code: str) -> Any:
        try:
            result = reduced(self._channels[name], current, value)
        except UpdateRefused as error:
            raise StepFailure(refusal(code, f"channel {name!r}: {error}", path)) from error
        for problem in validate(result, self._schemas[name]):
            raise StepFailure(refusal(code, f"channel {name!r} {problem.message}", (*path, *problem.path)))
        return result

    def targets(self, node: str, state: State, scope: Scope) -> tuple[str, ...]:
        """Which nodes come after this one; none where the way ends. Raises `StepFailure` (`no_edge`,
        `expression_failed`).
        """
        edges = self._edges.get(node, [])
        seen = scope.extend(state=state)
        for path, edge in edges:
            if edge.when is not None and _holds(edge.when, seen, path):
                return _without_end([edge.to])
        plain = [edge.to for _, edge in edges if edge.when is None]
        if not plain:
            raise StepFailure(
                refusal("no_edge", f"none of the conditions of the edges from {node} holds", ("edges",), node=node)
            )
        return _without_end(plain)


def _holds(when: str | bool, scope: Scope, path: Where) -> bool:  # noqa: FBT001 - a condition as it is written
    try:
        return condition(when, scope)
    except ExpressionFailed as error:
        raise StepFailure(refused_expression(error, path)) from error


def _without_end(targets: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(target for target in targets if target != END))
