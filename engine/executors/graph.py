"""`graph`: a LangGraph graph, declared in the definition or registered from Python."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from engine.domain.definition import Model
from engine.domain.errors import Problem
from engine.domain.kinds import Kinds
from engine.executors.graphs.declaration import (
    ChannelSchemas,
    Declaration,
    EdgeDefinition,
    NodeDefinition,
    RecursionLimit,
)
from engine.executors.graphs.problems import NO_SECRETS_IN_STATE, declaration_problems, mentions_secrets
from engine.executors.graphs.registry import Graphs
from engine.executors.late import GRAPH_STEP, STEP_STATE, Late
from engine.executors.port import Executor, Result, StepContext
from engine.executors.prices import Prices
from engine.executors.step_reports import StepLogs

if TYPE_CHECKING:
    from engine.executors.graphs.graph_step import GraphStep


class GraphWith(Model):
    graph: str | None = Field(default=None, description="Name of a registered graph, instead of `nodes` and `edges`.")
    state: ChannelSchemas = Field(
        default={}, description="The channels: a JSON Schema for each, with `reduce` and an optional `default`."
    )
    nodes: dict[str, NodeDefinition] = Field(default={}, max_length=500)
    edges: tuple[EdgeDefinition, ...] = Field(default=(), max_length=5_000)
    entry: str | None = Field(default=None, description="The first node; the same as an edge from START.")
    recursion_limit: RecursionLimit | None = Field(
        default=None, description="How many super-steps the graph may take, pauses or not; by default 25."
    )
    input: Any = Field(default={}, description="A value for each channel that does not begin empty.")
    output: Any = Field(default=None, description="The step's output, over `state`; without it, the whole final state.")

    @property
    def declaration(self) -> Declaration:
        return Declaration(state=self.state, nodes=self.nodes, edges=self.edges, entry=self.entry)

    @model_validator(mode="after")
    def _is_one_graph(self) -> Self:
        if problems := self._problems():
            raise ValidationError.from_exception_data("GraphWith", [_as_error(problem) for problem in problems])
        return self

    def _problems(self) -> list[Problem]:
        if mentions_secrets(self.input):
            place = () if isinstance(self.input, str) else ("input",)
            return [Problem(message=NO_SECRETS_IN_STATE, path=place, hint="use them in the `with` of a node")]
        if self.graph is not None:
            declared = [name for name in ("state", "nodes", "edges", "entry") if getattr(self, name)]
            return [Problem(message="a registered graph has its own", path=(name,)) for name in declared]
        if not self.nodes:
            return [Problem(message="name a registered `graph`, or declare one by `nodes` and `edges`")]
        return declaration_problems(self.declaration)


def _as_error(problem: Problem) -> InitErrorDetails:
    message = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
    place = tuple(int(part) if part.isdecimal() else part for part in problem.path)
    return InitErrorDetails(type=PydanticCustomError("graph", "{message}", {"message": message}), loc=place, input=None)


class Graph(Executor):
    """`kinds` gives all kinds of the engine, this one among them: they run the nodes. It is asked when a graph runs."""

    name: ClassVar[str] = "graph"
    description: ClassVar[str] = (
        "Runs a LangGraph graph, with cycles, shared state and interrupts; resumes after a crash."
    )
    With = GraphWith
    DEFERRED: ClassVar[frozenset[str]] = frozenset({"nodes", "edges", "output"})

    def __init__(
        self,
        graphs: Graphs,
        kinds: Callable[[], Kinds],
        *,
        prices: Prices,
        logs: StepLogs,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._late: Late[GraphStep] = Late(
            GRAPH_STEP,
            lambda module: module.GraphStep(graphs, kinds, prices=prices, logs=logs, now=now),
            along=STEP_STATE,
        )

    async def run(self, step: StepContext) -> Result:
        return await (await self._late.get()).run(step)
