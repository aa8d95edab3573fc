"""Steps of kind `graph` for tests: every run is one worker's, with fresh objects and an epoch of its own, over one
store.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.domain.expressions import Scope
from engine.domain.failure import Failure
from engine.domain.kinds import StepKind
from engine.executors.approval import Approval
from engine.executors.checkpointer import DocumentCheckpointer
from engine.executors.decide import Decide
from engine.executors.fail import FailStep
from engine.executors.function import Function
from engine.executors.function_calls import FunctionCalls
from engine.executors.functions import Functions
from engine.executors.graph import Graph, GraphWith
from engine.executors.graphs.registry import Graphs
from engine.executors.memory import DocumentMemory
from engine.executors.model_caller import ModelCaller
from engine.executors.models import ModelCatalogue
from engine.executors.parts import Offered
from engine.executors.port import Answer, Done, Result, StepFailure, Suspended
from engine.executors.prices import Prices
from engine.executors.script import Script
from engine.executors.signal import Signal
from engine.executors.sleep import Sleep
from engine.executors.step_reports import StepLogs
from engine.executors.threads import Threads
from engine.executors.transform import Transform
from engine.storage.port import DocumentStore
from tests.executors.fake_step import FakeStepContext

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
EXECUTION = "tenants/local/executions/ex_test"


class Workers:
    """`functions` and `graphs` are what the user's modules offer."""

    def __init__(
        self,
        store: DocumentStore,
        *,
        functions: Sequence[Callable[..., Any]] = (),
        graphs: Mapping[str, Any] | None = None,
        prices: Prices | None = None,
        scripts: Mapping[str, Script] | None = None,
    ) -> None:
        self._store = store
        self._functions = functions
        self._graphs = graphs or {}
        self._prices = prices or Prices({})
        self._scripts = scripts or {}
        self.epoch = 0

    def step(self, with_: Mapping[str, Any], *, answers: Sequence[Answer] = (), **names: Any) -> FakeStepContext:
        """The step as the next worker gets it. `names` are in its scope besides an empty `input`."""
        self.epoch += 1
        step = FakeStepContext(
            with_=GraphWith.model_validate(with_),
            step_id="graph",
            thread_id="ex_test/graph",
            answers=answers,
            scope=Scope({"input": {}, **names}, now=NOW),
            store=DocumentMemory(self._store, "local"),
        )
        step.checkpointer = self.checkpointer(self.epoch, step.checkpoint_saved)
        return step

    def checkpointer(self, epoch: int, on_saved: Callable[[str], None] | None = None) -> DocumentCheckpointer:
        return DocumentCheckpointer(self._store, EXECUTION, epoch, on_saved)

    async def run(self, step: FakeStepContext) -> Result:
        threads = Threads(2)
        try:
            return await self._kinds(threads).run(step)
        finally:
            await threads.close()

    def _kinds(self, threads: Threads) -> Graph:
        logs = StepLogs(logging.getLogger("user"))
        functions = Functions([Offered(call.__name__, call, "here") for call in self._functions])
        kinds: dict[str, StepKind] = {}
        graphs = Graphs([Offered(name, graph, "here") for name, graph in self._graphs.items()])
        graph = Graph(graphs, lambda: kinds, prices=self._prices, logs=logs, now=lambda: NOW)
        function = Function(FunctionCalls(functions, threads), logs)
        decide = Decide(ModelCaller(ModelCatalogue(self._scripts), self._prices))
        every: list[StepKind] = [graph, function, Transform(), decide, FailStep(), Approval(), Signal(), Sleep()]
        kinds.update({kind.name: kind for kind in every})
        return graph

    async def output(self, with_: Mapping[str, Any], **names: Any) -> Any:
        result = await self.run(self.step(with_, **names))
        assert isinstance(result, Done), result
        return result.output


def waits(result: Result) -> dict[str, Any]:
    """What a suspended step waits for: prompt by interrupt id."""
    assert isinstance(result, Suspended), result
    return {str(wait.interrupt_id): wait.prompt for wait in result.waits}


def runs(step: FakeStepContext) -> list[tuple[str, str]]:
    """The child step runs in order of beginning, with how they came out."""
    return [(child.step_id, child.outcome) for child in step.children]


def chain(**nodes: Any) -> dict[str, Any]:
    """Nodes one after the other; each appends its name to `seen` unless it says otherwise."""
    names = list(nodes)
    return {
        "state": {"seen": {"type": "array", "reduce": "append"}},
        "entry": names[0],
        "nodes": {name: {"update": {"seen": name}, **node} for name, node in nodes.items()},
        "edges": [{"from": one, "to": other} for one, other in zip(names, [*names[1:], "END"], strict=True)],
    }


def value(of: Any = None) -> dict[str, Any]:
    return {"kind": "transform", "with": {"value": of}}


async def failure(workers: Workers, with_: Mapping[str, Any]) -> Failure:
    """With which the step fails."""
    with pytest.raises(StepFailure) as raised:
        await workers.run(workers.step(with_))
    return raised.value.failure
