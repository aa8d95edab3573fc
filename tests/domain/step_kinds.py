"""Small step kinds for tests about definitions."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from engine.domain.definition import Model, StepDefinition
from engine.domain.durations import Duration
from engine.domain.kinds import Begin, Beginning, Execute, StepKind


class CallWith(Model):
    call: str
    args: dict[str, Any] = Field(default={})
    tries: Annotated[int, Field(ge=1)] = 1
    mode: Literal["fast", "slow"] = "fast"
    wait: Duration | None = None
    schema_: dict[str, Any] | bool | None = Field(default=None, alias="schema")


class Call(StepKind):
    """A worker runs it, so it may use secrets."""

    name: ClassVar[str] = "call"
    description: ClassVar[str] = "Calls something."
    With: ClassVar[type[BaseModel]] = CallWith

    def begin(self, beginning: Beginning) -> Begin:  # noqa: ARG002 - no test begins a step
        return Execute()

    async def run(self) -> None: ...


class ValueWith(Model):
    value: Any


class Value(Call):
    name: ClassVar[str] = "value"
    With: ClassVar[type[BaseModel]] = ValueWith
    run = None  # type: ignore[assignment]  # decided on the spot


class MapWith(Model):
    items: list[Any]
    steps: Annotated[tuple[StepDefinition, ...], Field(min_length=1)]
    output: Any = None


class Map(Value):
    name: ClassVar[str] = "map"
    With: ClassVar[type[BaseModel]] = MapWith
    DEFERRED: ClassVar[frozenset[str]] = frozenset({"steps", "output"})
    NESTED: ClassVar[str | None] = "steps"


class LoopWith(Model):
    steps: Annotated[tuple[StepDefinition, ...], Field(min_length=1)]
    until: str | None = None
    output: Any = None


class Loop(Value):
    name: ClassVar[str] = "loop"
    With: ClassVar[type[BaseModel]] = LoopWith
    DEFERRED: ClassVar[frozenset[str]] = frozenset({"steps", "until", "output"})
    NESTED: ClassVar[str | None] = "steps"


class GraphWith(Model):
    nodes: dict[str, Any]
    edges: list[dict[str, Any]] = Field(default=[])
    input: Any = None


class Graph(Call):
    name: ClassVar[str] = "graph"
    With: ClassVar[type[BaseModel]] = GraphWith
    DEFERRED: ClassVar[frozenset[str]] = frozenset({"nodes", "edges"})


KINDS: Mapping[str, StepKind] = {kind.name: kind for kind in (Call(), Value(), Map(), Loop(), Graph())}


def step(step_id: str, kind: str = "value", **fields: Any) -> dict[str, Any]:
    """A valid step; `with_` is its `with`."""
    required = {"call": {"call": "x"}, "value": {"value": 1}}
    with_ = fields.pop("with_", required.get(kind, {}))
    return {"id": step_id, "kind": kind, "with": with_, **fields}


def workflow(*steps: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "test", "steps": list(steps), **fields}
