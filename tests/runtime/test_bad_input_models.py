"""Models that fail and tools that hang: what the execution says about it, and that nothing stays behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.bootstrap import open_engine
from engine.domain.events import ToolReturned
from engine.domain.status import ExecutionStatus
from engine.executors.script import parse_scripts
from engine.settings import Settings
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client
from tests.runtime.parts import CALLS

E = ExecutionStatus
SCRIPTS = """
models:
  refuses: {replies: [{error: {status: 401}}]}
  overloaded: {replies: [{error: {status: 429}}]}
  broken: {replies: [{error: {status: 500}}]}
  unplugged: {replies: [{error: {status: 0}}]}
  breaks-off: {replies: [{reply: "one two three four", error: {status: 500, after_tokens: 2}}]}
  speechless: {replies: [{when: {contains: "never said"}, reply: x}]}
  uses-hanging-tool:
    replies:
      - {when: {call: 1}, tool_calls: [{name: test_hang, args: {}}]}
      - {reply: "the tool said: {{ tool_result }}"}
  calls-nobody:
    replies:
      - {when: {call: 1}, tool_calls: [{name: nobody, args: {}}]}
      - {reply: "done"}
"""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    CALLS.clear()
    settings = Settings(data_dir=tmp_path, modules=("tests.runtime.parts",))
    async with open_engine(settings, scripts=parse_scripts(SCRIPTS)) as engine:
        yield Client(engine)


def llm(model: str, **more: Any) -> dict[str, Any]:
    return {"id": "a", "kind": "llm", "with": {"model": f"scripted:{model}", "prompt": "Say"}, **more}


def agent(model: str, **settings: Any) -> dict[str, Any]:
    with_ = {"model": f"scripted:{model}", "prompt": "Do", "tools": ["test.hang"], **settings}
    return {"id": "a", "kind": "agent", "with": with_}


@pytest.mark.parametrize(
    ("model", "code", "retryable"),
    [
        ("refuses", "authentication_failed", False),
        ("overloaded", "rate_limited", True),
        ("broken", "model_unavailable", True),
        ("unplugged", "model_unavailable", True),
        ("breaks-off", "stream_broken", True),
        ("speechless", "model_failed", True),
        ("nobody-wrote-me", "model_not_found", False),
    ],
)
async def test_a_model_that_fails_fails_its_step_with_a_code(
    client: Client, model: str, code: str, *, retryable: bool
) -> None:
    await client.define(llm(model))
    state = (await client.run()).state
    assert state.status is E.FAILED
    assert state.failure is not None
    assert (state.failure.kind, state.failure.code, state.failure.retryable) == ("TASK", code, retryable)
    assert f"scripted:{model}" in state.failure.message
    assert state.output is None


async def test_a_tool_that_hangs_is_stopped_and_the_model_told(client: Client) -> None:
    await client.define(agent("uses-hanging-tool", tool_timeout="10ms"), output="${ steps.a.output }")
    view = await client.run()
    assert view.state.status is E.SUCCEEDED
    (returned,) = [event for event in await client.log(view.state.id) if isinstance(event, ToolReturned)]
    assert returned.failure is not None
    assert returned.failure.code == "tool_timeout"
    assert "tool_timeout" in view.state.output
    assert CALLS == [("hang", None), ("hung up", None)]


async def test_a_tool_that_hangs_may_fail_its_step(client: Client) -> None:
    await client.define(agent("uses-hanging-tool", tool_timeout="10ms", on_tool_error="fail"))
    failure = (await client.run()).state.failure
    assert failure is not None
    assert failure.code == "tool_timeout"


async def test_a_step_whose_tool_hangs_ends_with_its_own_time(client: Client) -> None:
    await client.define(agent("uses-hanging-tool") | {"timeout": "500ms"})
    failure = (await client.run()).state.failure
    assert failure is not None
    assert (failure.kind, failure.code) == ("TIMEOUT", "step_timeout")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while CALLS != [("hang", None), ("hung up", None)]:
            await asyncio.sleep(0.001)


async def test_a_model_that_calls_a_tool_that_does_not_exist_is_told_so(client: Client) -> None:
    await client.define(agent("calls-nobody"), output="${ steps.a.output }")
    view = await client.run()
    assert view.state.output == "done"
    (returned,) = [event for event in await client.log(view.state.id) if isinstance(event, ToolReturned)]
    assert returned.failure is not None
    assert returned.failure.code == "unknown_tool"
