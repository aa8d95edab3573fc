"""Runs the steps of kind `function`."""

from langgraph.errors import GraphInterrupt

from engine.executors.function import FunctionWith
from engine.executors.function_calls import FunctionCalls
from engine.executors.interrupts import waits_of
from engine.executors.port import Done, Result, StepContext, Suspended
from engine.executors.runtime_context import langgraph_runtime
from engine.executors.step_reports import StepLogs, StepReports


class FunctionRun:
    def __init__(self, calls: FunctionCalls, logs: StepLogs) -> None:
        self._calls = calls
        self._logs = logs

    async def run(self, step: StepContext) -> Result:
        given: FunctionWith = step.with_
        arguments = await step.reveal(given.args)
        reports = StepReports(step)
        try:
            with self._logs.capture(reports), langgraph_runtime(step, write=reports.write):
                return Done(await self._calls.call(given.call, arguments, step_id=step.step_id))
        except GraphInterrupt as interrupt:
            return Suspended(waits_of(interrupt.args[0], step.step_id))
        finally:
            reports.close()
