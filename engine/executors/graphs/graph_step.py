"""Runs the steps of kind `graph`."""

from collections.abc import Callable
from datetime import datetime

from langgraph.pregel import Pregel

from engine.domain.expressions import ExpressionFailed, render
from engine.domain.kinds import Kinds
from engine.domain.validation.shape import did_you_mean
from engine.executors.graph import GraphWith
from engine.executors.graphs.builder import GraphBuilder
from engine.executors.graphs.declaration import DEFAULT_RECURSION_LIMIT
from engine.executors.graphs.declared import run_declared
from engine.executors.graphs.refusals import refusal, refused_expression
from engine.executors.graphs.registered import run_registered, run_runnable
from engine.executors.graphs.registry import Graphs
from engine.executors.port import Done, Result, StepContext, StepFailure, Suspended
from engine.executors.prices import Prices
from engine.executors.step_reports import StepLogs


class GraphStep:
    """See `Graph`."""

    def __init__(
        self,
        graphs: Graphs,
        kinds: Callable[[], Kinds],
        *,
        prices: Prices,
        logs: StepLogs,
        now: Callable[[], datetime],
    ) -> None:
        self._graphs = graphs
        self._kinds = kinds
        self._prices = prices
        self._logs = logs
        self._now = now
        self._builder = GraphBuilder()

    async def run(self, step: StepContext) -> Result:
        given: GraphWith = step.with_
        result = await (
            self._declared(step, given) if given.graph is None else self._registered(step, given, given.graph)
        )
        if isinstance(result, Suspended) or "output" not in given.model_fields_set:
            return result
        try:
            return Done(render(given.output, step.scope.extend(state=result.output)), result.usage)
        except ExpressionFailed as error:
            raise StepFailure(refused_expression(error, ("output",)), result.usage) from error

    async def _declared(self, step: StepContext, given: GraphWith) -> Result:
        graph = self._builder.build(given.declaration)
        limit = given.recursion_limit or DEFAULT_RECURSION_LIMIT
        return await run_declared(step, graph, self._kinds(), given=given.input, limit=limit, now=self._now)

    async def _registered(self, step: StepContext, given: GraphWith, name: str) -> Result:
        graph = self._graphs.get(name)
        if graph is None:
            hint = did_you_mean(name, self._graphs)
            message = f"no graph {name!r} is registered on this worker" + (f"; {hint}" if hint else "")
            raise StepFailure(refusal("graph_not_found", message, ("graph",)))
        runnable = graph.runnable
        if not isinstance(runnable, Pregel):
            return await run_runnable(step, runnable, given=given.input, prices=self._prices, logs=self._logs)
        limit = given.recursion_limit or (runnable.config or {}).get("recursion_limit") or DEFAULT_RECURSION_LIMIT
        return await run_registered(
            step,
            runnable,
            given=given.input,
            limit=limit,
            state_types=graph.state_types,
            prices=self._prices,
            logs=self._logs,
        )
