"""One run of a declared graph."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from langgraph.errors import InvalidUpdateError

from engine.domain.kinds import Kinds
from engine.executors.graphs.builder import BuiltGraph, RunContext
from engine.executors.graphs.interrupts import DeclaredInterrupts
from engine.executors.graphs.nodes import NodeRunner
from engine.executors.graphs.reducers import UpdateRefused
from engine.executors.graphs.refusals import refusal
from engine.executors.graphs.run import GraphRun, Paused
from engine.executors.port import Done, Result, StepContext, StepFailure, Suspended


async def run_declared(
    step: StepContext, graph: BuiltGraph, kinds: Kinds, *, given: Any, limit: int, now: Callable[[], datetime]
) -> Result:
    """`Done` with the final state. Raises `StepFailure` and `BudgetReached`."""
    nodes = NodeRunner(step, graph, kinds, now=now)
    run = GraphRun(step, graph.compiled, DeclaredInterrupts(), limit=limit)
    try:
        end = await run.go_on(await run.snapshot(), lambda: nodes.first(given), _ignore, context=RunContext(nodes))
    except StepFailure as error:
        raise StepFailure(error.failure, nodes.usage) from error
    except (InvalidUpdateError, UpdateRefused) as error:
        # Nodes that ran side by side, each of which was right by itself.
        message = f"nodes that ran at the same time wrote what does not go together: {_first_line(error)}"
        raise StepFailure(refusal("concurrent_update", message, ("state",)), nodes.usage) from error
    if isinstance(end, Paused):
        return Suspended(end.waits, nodes.usage)
    return Done(graph.channels.of(end.values), nodes.usage)


def _ignore(_part: Mapping[str, Any]) -> None:
    """The nodes themselves report what they do."""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
