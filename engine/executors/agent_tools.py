"""Calls the tools that a model asks for, and tells the model what came of it."""

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypedDict

from langchain_core.messages import ToolMessage
from langgraph.errors import GraphBubbleUp

from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.executors.failures import failure_of
from engine.executors.port import StepContext, StepFailure
from engine.executors.task_failure import task_failure
from engine.executors.tools import Tool


class ToolTask(TypedDict):
    """One call that the model asked for. `id` is unique in the conversation."""

    id: str
    name: str
    arguments: dict[str, Any]


class AgentTools:
    """The tools of one run, by the name that the model knows. `timeout` bounds each call.

    What a tool raises goes to the model as the call's result, so that it can try something else; with `fail_on_error`
    it fails the step. A failure of the machinery (INFRA) always fails it, since the model can do nothing about that.
    """

    def __init__(
        self, step: StepContext, tools: Mapping[str, Tool], *, timeout: timedelta, fail_on_error: bool
    ) -> None:
        self._step = step
        self._tools = tools
        self._timeout_seconds = timeout.total_seconds()
        self._fail_on_error = fail_on_error

    def definitions(self) -> list[dict[str, Any]]:
        return [tool.definition() for tool in self._tools.values()]

    async def call(self, task: ToolTask) -> ToolMessage:
        """Raises `StepFailure`. LangGraph's interrupts pass; the tool then runs again from its top, with the answer."""
        tool = self._tools.get(task["name"])
        label = tool.label if tool else task["name"]
        self._step.tool_called(task["id"], label, task["arguments"])
        try:
            result = await self._bounded(tool, task)
        except GraphBubbleUp:
            raise
        except Exception as error:
            failure = failure_of(error, self._step.step_id)
            self._step.tool_returned(task["id"], label, failure=failure)
            if self._fail_on_error or failure.kind is FailureKind.INFRA:
                raise StepFailure(failure) from error
            return refusal(task, failure)
        self._step.tool_returned(task["id"], label, result=result)
        return ToolMessage(_text(result), tool_call_id=task["id"], name=task["name"])

    async def _bounded(self, tool: Tool | None, task: ToolTask) -> Any:
        if tool is None:
            known = ", ".join(self._tools) or "none"
            raise task_failure(
                "unknown_tool", f"there is no tool {task['name']!r}; there are: {known}", retryable=False
            )
        limit = asyncio.timeout(self._timeout_seconds)
        try:
            async with limit:
                return await tool.call(task["id"], task["arguments"])
        except TimeoutError as error:
            if not limit.expired():  # the tool's own
                raise
            message = f"the tool {tool.label!r} did not come back within {self._timeout_seconds:g} seconds"
            raise task_failure("tool_timeout", message) from error


def refusal(task: ToolTask, failure: Failure) -> ToolMessage:
    """What the model is told of a call that failed."""
    content = f"Error ({failure.code}): {failure.message}"
    return ToolMessage(content, tool_call_id=task["id"], name=task["name"], status="error")


def _text(result: Any) -> str:
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
