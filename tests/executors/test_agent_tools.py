"""What an agent's tools may be, and what becomes of their failures."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from langgraph.config import get_stream_writer

from engine.domain.status import FailureKind
from engine.executors.port import Done
from engine.executors.step_reports import StepLogs
from tests.executors.scripted_agent import SEARCH_THEN_ANSWER, agent, failure_of, step


async def test_a_failing_tool_is_told_to_the_model() -> None:
    def search(query: str) -> str:
        raise ValueError(f"no index for {query}")

    context = step(tools=["search"])
    result = await agent(SEARCH_THEN_ANSWER, search).run(context)

    assert result == Done("Found: Error (value_error): no index for pumps")
    failure = context.tools_returned[0].failure
    assert failure is not None
    assert failure.code == "value_error"


async def test_a_failing_tool_fails_the_step_where_that_is_wanted() -> None:
    def search(query: str) -> str:
        raise ValueError(query)

    context = step(tools=["search"], on_tool_error="fail")
    assert (await failure_of(agent(SEARCH_THEN_ANSWER, search), context)).code == "value_error"


async def test_a_tool_that_hangs_is_given_up_after_its_timeout() -> None:
    async def search(query: str) -> str:
        await asyncio.Event().wait()
        return query

    context = step(tools=["search"], tool_timeout="10ms")
    result = await agent(SEARCH_THEN_ANSWER, search).run(context)

    assert isinstance(result, Done)
    assert "tool_timeout" in result.output


async def test_a_tool_s_own_timeout_is_not_taken_for_ours() -> None:
    async def search(query: str) -> str:
        raise TimeoutError(query)

    result = await agent(SEARCH_THEN_ANSWER, search).run(step(tools=["search"]))
    assert result == Done("Found: Error (timeout_error): pumps")


async def test_arguments_that_do_not_fit_are_told_to_the_model_without_calling() -> None:
    def search(query: int) -> int:
        return query

    result = await agent(SEARCH_THEN_ANSWER, search).run(step(tools=["search"]))
    assert isinstance(result, Done)
    assert "bad_arguments" in result.output


async def test_a_tool_that_does_not_exist_is_told_to_the_model() -> None:
    result = await agent(SEARCH_THEN_ANSWER).run(step())
    assert result == Done("Found: Error (unknown_tool): there is no tool 'search'; there are: none")


async def test_a_function_that_is_not_registered_fails_the_step_before_any_model_call() -> None:
    context = step(tools=["nowhere"])
    assert (await failure_of(agent(SEARCH_THEN_ANSWER), context)).code == "function_not_found"
    assert not context.calls


async def test_an_http_tool_puts_arguments_in_their_places_and_gives_the_body() -> None:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        body = httpx.ByteStream(b'{"temperature": 21}')
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=body)

    script = """
models:
  helper:
    replies:
      - {when: {call: 1}, tool_calls: [{name: weather, args: {city: "New York/1", unit: c, note: "${ secrets.key }"}}]}
      - {reply: "{{ tool_result }}"}
"""
    properties = {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}, "note": {"type": "string"}}
    tool = {
        "name": "weather",
        "parameters": {"type": "object", "properties": properties},
        "http": {"url": "https://weather.example/{city}", "headers": {"authorization": "Bearer ${ secrets.key }"}},
    }

    async def reveal(value: Any) -> Any:
        return _replaced(value, "${ secrets.key }", "s3cret")

    context = step(tools=[tool])
    context.revealed = reveal
    result = await agent(script, transport=httpx.MockTransport(answer)).run(context)

    assert result == Done('{"temperature": 21}')
    (request,) = requests
    assert request.url.raw_path.startswith(b"/New%20York%2F1?unit=c&note=")
    assert request.headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in str(request.url), "what a model says is never an expression"


async def test_an_http_tool_refuses_arguments_outside_its_schema() -> None:
    script = """
models:
  helper:
    replies:
      - {when: {call: 1}, tool_calls: [{name: weather, args: {city: 7}}]}
      - {reply: "{{ tool_result }}"}
"""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"name": "weather", "parameters": parameters, "http": {"url": "https://weather.example/{city}"}}
    result = await agent(script).run(step(tools=[tool]))
    assert isinstance(result, Done)
    assert "bad_arguments" in result.output


async def test_two_tools_of_one_name_are_refused() -> None:
    def search() -> str:
        return ""

    for tools in (["search", {"function": "search"}], [{"function": "search", "name": "final_answer"}]):
        assert (await failure_of(agent(SEARCH_THEN_ANSWER, search), step(tools=tools))).code == "duplicate_tool"


async def test_mcp_commands_are_refused_unless_allowed() -> None:
    tools = [{"mcp": {"transport": "stdio", "command": "rm"}}]
    failure = await failure_of(agent(SEARCH_THEN_ANSWER), step(tools=tools))
    assert (failure.code, failure.kind) == ("mcp_command_not_allowed", FailureKind.TASK)


@pytest.mark.parametrize("tool", [{"name": "x"}, ["search"], None, 1, {}])
def test_a_tool_that_is_neither_name_nor_known_object_is_refused_with_the_forms_there_are(tool: Any) -> None:
    with pytest.raises(ValueError, match="`function`, `http` or `mcp`"):
        step(tools=[tool])


async def test_progress_and_log_records_of_tools_reach_the_step() -> None:
    from_tool = logging.getLogger("test.tool")

    def search(query: str) -> str:
        from_tool.warning("searching %s", query)
        get_stream_writer()({"message": "half way", "fraction": 0.5})
        return query

    context = step(tools=["search"])
    with StepLogs(logging.getLogger("test")) as logs:
        await agent(SEARCH_THEN_ANSWER, search, logs=logs).run(context)
    assert [line.message for line in context.lines] == ["searching pumps"]
    assert [(report.message, report.fraction) for report in context.progressed] == [("half way", 0.5)]


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: _replaced(entry, old, new) for key, entry in value.items()}
    return [_replaced(entry, old, new) for entry in value] if isinstance(value, list) else value
