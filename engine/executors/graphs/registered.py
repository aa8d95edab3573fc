"""One run of a graph, or of any Runnable, that was registered from Python."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import Runnable

from engine.executors.delta_stream import DeltaStream
from engine.executors.failures import failure_of
from engine.executors.graphs.interrupts import RegisteredInterrupts
from engine.executors.graphs.observer import STREAM_MODES, Observer, finished_tasks
from engine.executors.graphs.refusals import refusal
from engine.executors.graphs.run import AnyGraph, GraphRun, Paused
from engine.executors.graphs.usage import UsageCounter
from engine.executors.port import BudgetReached, Done, Result, StepContext, StepFailure, Suspended
from engine.executors.prices import Prices
from engine.executors.python_values import NotJson, to_json
from engine.executors.step_reports import StepLogs, StepReports


async def run_registered(
    step: StepContext,
    graph: AnyGraph,
    *,
    given: Any,
    limit: int,
    state_types: Collection[tuple[str, ...]],
    prices: Prices,
    logs: StepLogs,
) -> Result:
    """`Done` with the final values. What the graph raises comes as `StepFailure`, with what was consumed until then."""
    counter = UsageCounter(prices)
    run = GraphRun(step, graph, RegisteredInterrupts(), limit=limit, state_types=state_types, callbacks=[counter])
    with _failures(step, counter), _reports(step, logs) as reports, DeltaStream(step.delta) as deltas:
        since = await run.snapshot()
        observer = Observer(step, reports, deltas, await finished_tasks(run.saver, step.thread_id, since))
        end = await run.go_on(since, lambda: given, observer.see, modes=STREAM_MODES)
        if isinstance(end, Paused):
            return Suspended(end.waits, counter.usage)
        return Done(_json(end.values), counter.usage)


async def run_runnable(
    step: StepContext, runnable: Runnable[Any, Any], *, given: Any, prices: Prices, logs: StepLogs
) -> Result:
    """Invoked once, without checkpoints: after a crash it starts again."""
    counter = UsageCounter(prices)
    with _failures(step, counter), _reports(step, logs):
        return Done(_json(await runnable.ainvoke(given, {"callbacks": [counter]})), counter.usage)


@contextmanager
def _failures(step: StepContext, counter: UsageCounter) -> Iterator[None]:
    try:
        yield
    except BudgetReached:
        raise
    except Exception as error:
        raise StepFailure(failure_of(error, step.step_id), counter.usage) from error


@contextmanager
def _reports(step: StepContext, logs: StepLogs) -> Iterator[StepReports]:
    reports = StepReports(step)
    try:
        with logs.capture(reports):
            yield reports
    finally:
        reports.close()


def _json(values: Any) -> Any:
    try:
        return to_json(values)
    except NotJson as error:
        message = f"what the graph returned cannot be stored: {error}"
        raise StepFailure(refusal("bad_result", message, ("graph",))) from error
