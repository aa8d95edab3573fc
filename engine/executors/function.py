"""`function`: a registered Python callable."""

from typing import Annotated, Any, ClassVar

from langgraph.errors import GraphInterrupt
from pydantic import Field

from engine.domain.definition import Model
from engine.executors.function_calls import FunctionCalls
from engine.executors.interrupts import waits_of
from engine.executors.port import Done, Executor, Result, StepContext, Suspended
from engine.executors.runtime_context import langgraph_runtime
from engine.executors.step_reports import StepLogs, StepReports


class FunctionWith(Model):
    call: Annotated[str, Field(min_length=1, max_length=255)] = Field(
        description="Name of the registered function, such as `digest.count_words`."
    )
    args: dict[str, Any] = Field(default={}, description="Its arguments by name.")


class Function(Executor):
    """User code may call LangGraph's own `interrupt`, `get_stream_writer`, `get_store`, `get_runtime` and `get_config`,
    and write standard log records; each interrupt is answered in its turn, and the function runs from its top until it
    returns.

    A synchronous function that is cancelled goes on in its thread until it returns; see `Threads`.
    """

    name: ClassVar[str] = "function"
    description: ClassVar[str] = "Calls a registered Python function; its output is what the function returns."
    With = FunctionWith

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
