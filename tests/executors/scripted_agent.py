"""An agent whose model is scripted, for tests."""

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from engine.domain.failure import Failure
from engine.executors.agent import Agent, AgentWith
from engine.executors.function_calls import FunctionCalls
from engine.executors.functions import Functions
from engine.executors.http import Http
from engine.executors.mcp_tools import McpSessions
from engine.executors.model_caller import ModelCaller
from engine.executors.models import ModelCatalogue
from engine.executors.parts import Offered
from engine.executors.port import StepFailure
from engine.executors.prices import Prices
from engine.executors.script import parse_scripts
from engine.executors.step_reports import StepLogs
from engine.executors.threads import Threads
from tests.executors.fake_step import FakeStepContext

SEARCH_THEN_ANSWER = """
models:
  helper:
    replies:
      - when: {call: 1}
        reply: Let me look.
        tool_calls: [{name: search, args: {query: "{{ prompt }}"}}]
      - reply: "Found: {{ tool_result }}"
"""


def agent(
    script: str,
    *functions: Callable[..., Any],
    transport: httpx.AsyncBaseTransport | None = None,
    logs: StepLogs | None = None,
) -> Agent:
    offered = [Offered(function.__name__, function, "test") for function in functions]
    transport = transport or httpx.MockTransport(lambda _: httpx.Response(500))
    return Agent(
        ModelCaller(ModelCatalogue(parse_scripts(script)), Prices({})),
        FunctionCalls(Functions(offered), Threads(4)),
        Http(transport),
        McpSessions(transport),
        logs or StepLogs(logging.getLogger("test")),
    )


def step(**with_: Any) -> FakeStepContext:
    return FakeStepContext(
        with_=AgentWith.model_validate({"model": "scripted:helper", "prompt": "pumps", **with_}), step_id="agent"
    )


async def failure_of(executor: Agent, context: FakeStepContext) -> Failure:
    with pytest.raises(StepFailure) as raised:
        await executor.run(context)
    return raised.value.failure
