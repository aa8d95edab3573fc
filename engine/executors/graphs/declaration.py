"""A graph as it is declared in a definition."""

from typing import Annotated, Any

from pydantic import Field

from engine.domain.definition import Model

START, END = "START", "END"
"""What edges may name besides nodes."""

DEFAULT_RECURSION_LIMIT = 25
LARGEST_RECURSION_LIMIT = 1_000


class NodeDefinition(Model):
    kind: str = Field(
        description="Kind of step, with its own `with`; `approval` and `signal` wait as they do in steps."
    )
    with_: dict[str, Any] = Field(
        default={}, alias="with", description="As in a step; expressions may also use `state`."
    )
    update: dict[str, Any] = Field(
        default={},
        description="What the node writes: a value for each channel it changes. Expressions may use `state`, as it was "
        "before the node, and `output`.",
    )


class EdgeDefinition(Model):
    from_: str = Field(alias="from", description="A node, or START.")
    to: str = Field(description="A node, or END.")
    when: str | bool | None = Field(
        default=None,
        description="CEL over `state`, with the node's update in it. The edges with `when` are tried in order and the "
        "first that holds is taken; if none holds, all edges without are.",
    )


ChannelSchemas = dict[str, dict[str, Any]]
"""By name: a JSON Schema with an additional `reduce`."""


class Declaration(Model):
    """What is built into a graph. The same declaration gives the same graph, so it may be built once and run often."""

    state: ChannelSchemas
    nodes: dict[str, NodeDefinition]
    edges: tuple[EdgeDefinition, ...]
    entry: str | None

    def all_edges(self) -> tuple[EdgeDefinition, ...]:
        """`entry` is an edge from START."""
        if self.entry is None:
            return self.edges
        return (EdgeDefinition(**{"from": START, "to": self.entry}), *self.edges)


RecursionLimit = Annotated[int, Field(ge=1, le=LARGEST_RECURSION_LIMIT)]
