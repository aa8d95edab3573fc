"""`agent`: a model that calls tools until it has an answer."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from engine.domain.durations import Duration
from engine.executors.function_calls import FunctionCalls
from engine.executors.http import Http
from engine.executors.late import AGENT_RUN, STEP_STATE, Late
from engine.executors.mcp_tools import McpSessions
from engine.executors.model_caller import ModelCaller
from engine.executors.model_with import ModelWith
from engine.executors.port import Executor, Result, StepContext
from engine.executors.step_reports import StepLogs
from engine.executors.tools import ToolSpec

if TYPE_CHECKING:
    from engine.executors.agent_run import AgentRun


class AgentWith(ModelWith):
    tools: tuple[ToolSpec, ...] = Field(
        default=(), max_length=128, description="Registered functions by name, HTTP requests, MCP servers."
    )
    max_rounds: Annotated[int, Field(ge=1, le=200)] = Field(
        default=10, description="How often the model is asked at the most; without an answer by then the step fails."
    )
    tool_timeout: Duration = Field(default=timedelta(minutes=5), description="The longest that one tool call may take.")
    on_tool_error: Literal["return", "fail"] = Field(
        default="return",
        description="`return`: the model is told, and may try something else. `fail`: the step fails.",
    )


class Agent(Executor):
    """Rounds show as child step runs. A tool that calls LangGraph's `interrupt()` suspends the step until it is
    answered; it then runs again from its top, and is recorded as called again.
    """

    name: ClassVar[str] = "agent"
    description: ClassVar[str] = "Lets a language model call tools until it answers; its output is the answer."
    With = AgentWith

    def __init__(
        self, caller: ModelCaller, functions: FunctionCalls, http: Http, mcp: McpSessions, logs: StepLogs
    ) -> None:
        self._late: Late[AgentRun] = Late(
            AGENT_RUN, lambda module: module.AgentRun(caller, functions, http, mcp, logs), along=STEP_STATE
        )

    async def run(self, step: StepContext) -> Result:
        return await (await self._late.get()).run(step)
