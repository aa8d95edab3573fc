"""Tools of an MCP server that runs on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from mcp.server.fastmcp import FastMCP

from engine.executors import mcp_tools
from engine.executors.mcp_tools import McpSessions
from engine.executors.port import BudgetReached, StepFailure
from engine.executors.tools import McpServer, Tool, by_name


def _server() -> FastMCP:
    server = FastMCP("shop", stateless_http=True)

    @server.tool()
    def price(article: str) -> int:
        """What an article costs."""
        if article == "gold":
            raise ValueError("no such article")
        return len(article)

    @server.tool(structured_output=False)
    def describe(article: str) -> str:
        return f"A {article}."

    return server


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_server().streamable_http_app(), log_level="error", ws="none", lifespan="on")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def tools_of(url: str, **options: Any) -> AsyncIterator[dict[str, Tool]]:
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(httpx.AsyncHTTPTransport())
        server = McpServer.model_validate({"url": url, **options})
        yield by_name(await stack.enter_async_context(McpSessions(transport).tools(server)))


async def test_the_tools_of_a_server_are_listed_and_called() -> None:
    async with serving() as url, tools_of(url) as tools:
        assert tools.keys() == {"price", "describe"}
        assert tools["price"].description == "What an article costs."
        assert tools["price"].parameters["required"] == ["article"]
        assert await tools["price"].call("c1", {"article": "pump"}) == {"result": 4}
        assert await tools["describe"].call("c2", {"article": "pump"}) == "A pump."


async def test_only_the_chosen_tools_are_offered() -> None:
    async with serving() as url, tools_of(url, tools=["describe"]) as tools:
        assert tools.keys() == {"describe"}


async def test_a_tool_that_the_server_does_not_have_is_a_failure_that_names_it() -> None:
    async with serving() as url:
        with pytest.raises(StepFailure) as raised:
            async with tools_of(url, tools=["nowhere"]):
                pass
    assert raised.value.failure.code == "mcp_tool_not_found"
    assert "nowhere" in raised.value.failure.message


async def test_an_error_of_the_tool_is_a_failure_with_its_message() -> None:
    async with serving() as url, tools_of(url) as tools:
        with pytest.raises(StepFailure) as raised:
            await tools["price"].call("c1", {"article": "gold"})
    assert raised.value.failure.code == "mcp_tool_failed"
    assert "no such article" in raised.value.failure.message


async def test_what_happens_inside_of_a_session_comes_out_as_it_is() -> None:
    async with serving() as url:
        with pytest.raises(BudgetReached):
            async with tools_of(url):
                raise BudgetReached


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StepFailure) as raised:
        async with tools_of("http://127.0.0.1:9/mcp?token=s3cret"):
            pass
    failure = raised.value.failure
    assert (failure.code, failure.retryable) == ("mcp_unavailable", True)
    assert "s3cret" not in failure.message


async def test_without_the_package_the_failure_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_tools, "_SESSIONS", "langchain_mcp_adapters_that_is_not_installed")
    with pytest.raises(StepFailure) as raised:
        async with tools_of("http://127.0.0.1:9/mcp"):
            pass
    assert (raised.value.failure.code, raised.value.failure.retryable) == ("mcp_not_installed", False)
    assert "weft[mcp]" in raised.value.failure.message
