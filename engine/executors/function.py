"""`function`: a registered Python callable."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from engine.domain.definition import Model
from engine.executors.function_calls import FunctionCalls
from engine.executors.late import FUNCTION_RUN, STEP_STATE, Late
from engine.executors.port import Executor, Result, StepContext
from engine.executors.step_reports import StepLogs

if TYPE_CHECKING:
    from engine.executors.function_run import FunctionRun


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
        self._late: Late[FunctionRun] = Late(
            FUNCTION_RUN, lambda module: module.FunctionRun(calls, logs), along=STEP_STATE
        )

    async def run(self, step: StepContext) -> Result:
        return await (await self._late.get()).run(step)
