"""Registered functions as tools of an agent."""

from collections.abc import Mapping
from typing import Any

from engine.executors.function_calls import FunctionCalls
from engine.executors.task_failure import task_failure
from engine.executors.tools import FunctionTool, Tool, tool_name


def function_tool(calls: FunctionCalls, spec: FunctionTool, *, step_id: str) -> Tool:
    """Raises `StepFailure` (`function_not_found`)."""
    function = calls.functions.get(spec.function)
    if function is None:
        raise task_failure(
            "function_not_found", f"no function {spec.function!r} is registered on this worker", retryable=False
        )

    async def call(call_id: str, arguments: Mapping[str, Any]) -> Any:
        del call_id
        return await calls.call(spec.function, arguments, step_id=step_id)

    return Tool(
        name=spec.name or tool_name(spec.function),
        label=spec.function,
        description=function.doc if spec.description is None else spec.description,
        parameters=function.schema,
        call=call,
    )
