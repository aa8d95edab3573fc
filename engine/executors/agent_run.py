"""Runs the steps of kind `agent`."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, Interrupt, StateSnapshot
from langsmith.run_helpers import tracing_context

from engine.executors.agent import AgentWith
from engine.executors.agent_loop import AgentGraph, AgentLoop
from engine.executors.agent_tools import AgentTools
from engine.executors.conversation import conversation, revealed
from engine.executors.function_calls import FunctionCalls
from engine.executors.function_tools import function_tool
from engine.executors.http import Http
from engine.executors.http_tools import http_tool
from engine.executors.interrupts import waits_of
from engine.executors.mcp_tools import McpSessions
from engine.executors.model_caller import ModelCaller
from engine.executors.model_replies import ModelRequest
from engine.executors.port import Answer, Done, Result, StepContext, Suspended
from engine.executors.step_reports import StepLogs, StepReports
from engine.executors.structured_output import OutputSchema
from engine.executors.tools import FunctionTool, HttpTool, McpServer, McpTools, Tool, by_name

_SUPERSTEPS_OF_A_ROUND = 2


class AgentRun:
    def __init__(
        self, caller: ModelCaller, functions: FunctionCalls, http: Http, mcp: McpSessions, logs: StepLogs
    ) -> None:
        self._caller = caller
        self._functions = functions
        self._http = http
        self._mcp = mcp
        self._logs = logs

    async def run(self, step: StepContext) -> Result:
        given: AgentWith = step.with_
        async with AsyncExitStack() as sessions:
            tools = AgentTools(
                step,
                by_name(await self._tools(step, given.tools, sessions)),
                timeout=given.tool_timeout,
                fail_on_error=given.on_tool_error == "fail",
            )
            loop = await self._loop(step, given, tools)
            return await self._driven(step, loop.graph(), given.max_rounds)

    async def _tools(self, step: StepContext, specs: Sequence[Any], sessions: AsyncExitStack) -> list[Tool]:
        tools: list[Tool] = []
        for spec in specs:
            match spec:
                case str():
                    tools.append(function_tool(self._functions, FunctionTool(function=spec), step_id=step.step_id))
                case FunctionTool():
                    tools.append(function_tool(self._functions, spec, step_id=step.step_id))
                case HttpTool():
                    tools.append(http_tool(self._http, spec, step))
                case McpTools():
                    server = McpServer.model_validate(await step.reveal(spec.mcp.model_dump()))
                    tools += await sessions.enter_async_context(self._mcp.tools(server))
        return tools

    async def _loop(self, step: StepContext, given: AgentWith, tools: AgentTools) -> AgentLoop:
        request = ModelRequest(
            models=given.models,
            messages=conversation(await revealed(given, step)),
            temperature=given.temperature,
            max_tokens=given.max_tokens,
        )
        schema = None if given.output_schema is None else OutputSchema(given.output_schema)
        return AgentLoop(step, self._caller, request, tools, schema=schema, max_rounds=given.max_rounds)

    async def _driven(self, step: StepContext, graph: AgentGraph, max_rounds: int) -> Result:
        """From where the checkpoint left it to its end or to the next interrupt."""
        config = RunnableConfig(
            configurable={"thread_id": step.thread_id}, recursion_limit=_SUPERSTEPS_OF_A_ROUND * max_rounds + 2
        )
        with tracing_context(enabled=False):
            entry = _entry(await graph.aget_state(config), step.answers)
            if entry is not None:
                await self._advanced(step, graph, entry, config)
            snapshot = await graph.aget_state(config)
        if snapshot.interrupts:
            return Suspended(waits_of(snapshot.interrupts, step.step_id))
        return Done(snapshot.values["answer"]["value"])

    async def _advanced(self, step: StepContext, graph: AgentGraph, entry: "_Entry", config: RunnableConfig) -> None:
        reports = StepReports(step)
        try:
            with self._logs.capture(reports):
                # Sync: a reply is in the store before its tools are called.
                async for chunk in graph.astream(entry.input, config, stream_mode="custom", durability="sync"):
                    reports.write(chunk)
        finally:
            reports.close()


class _Entry(msgspec.Struct, frozen=True):
    """What the graph is run with; None goes on from the checkpoint."""

    input: Any


def _entry(found: StateSnapshot, answers: Sequence[Answer]) -> _Entry | None:
    """None where there is nothing to run: the loop has ended, or waits for answers that are not there."""
    if found.created_at is None:
        return _Entry({"messages": []})
    if found.interrupts:
        given = _given(found.interrupts, answers)
        lost = any(
            not task.interrupts and task.result is None for task in found.tasks
        )  # in a crash, beside one that asked
        return _Entry(Command(resume=given)) if given else _Entry(None) if lost else None
    return _Entry(None) if found.next else None


def _given(interrupts: Sequence[Interrupt[Any]], answers: Sequence[Answer]) -> dict[str, Any]:
    """The answers to these interrupts, by id; those to earlier ones are in the checkpoint."""
    by_id = {answer.interrupt_id: answer.value for answer in answers}
    return {interrupt.id: by_id[interrupt.id] for interrupt in interrupts if interrupt.id in by_id}
