"""An agent on an `openai:` model: the conversation that is sent back after a tool was called."""

import logging

import httpx

from engine.executors.agent import Agent, AgentWith
from engine.executors.function_calls import FunctionCalls
from engine.executors.functions import Functions
from engine.executors.http import Http
from engine.executors.mcp_tools import McpSessions
from engine.executors.model_caller import ModelCaller
from engine.executors.models import ModelCatalogue
from engine.executors.parts import Offered
from engine.executors.port import Done
from engine.executors.prices import Prices
from engine.executors.step_reports import StepLogs
from engine.executors.threads import Threads
from tests.executors.fake_step import FakeStepContext
from tests.executors.openai_stub import Stream, openai_stub, text, tool_calls


def stock(article: str) -> int:
    """How many there are."""
    return len(article)


async def test_results_go_back_beside_the_calls_they_answer_also_unreadable_ones() -> None:
    calls = tool_calls(
        ("call_a", "shop_stock", ['{"article"', ': "pump"}']), ("call_b", "shop_stock", ['{"article": "pu'])
    )
    async with openai_stub(Stream(chunks=calls), Stream(chunks=text("Four."))) as stub:
        models = ModelCatalogue(provider_options={"openai": {"base_url": stub.base_url, "api_key": "test"}})
        transport = httpx.AsyncHTTPTransport()
        executor = Agent(
            ModelCaller(models, Prices({})),
            FunctionCalls(Functions([Offered("shop.stock", stock, "test")]), Threads(1)),
            Http(transport),
            McpSessions(transport),
            StepLogs(logging.getLogger("test")),
        )
        given = {"model": "openai:gpt-4o-mini", "prompt": "How many?", "tools": ["shop.stock"]}
        context = FakeStepContext(with_=AgentWith.model_validate(given))
        assert await executor.run(context) == Done("Four.")
        await models.close()
        await transport.aclose()

    first, second = (request.body for request in stub.requests)
    assert first["tools"][0]["function"]["name"] == "shop_stock"
    assert first["tools"][0]["function"]["description"] == "How many there are."
    user, assistant, *results = second["messages"]
    assert (user["role"], assistant["role"]) == ("user", "assistant")
    assert [call["id"] for call in assistant["tool_calls"]] == ["call_a", "call_b"]
    answered = {result["tool_call_id"]: result["content"] for result in results}
    assert answered["call_a"] == "4"
    assert "bad_arguments" in answered["call_b"]
    assert [call.tool for call in context.tools_called] == ["shop.stock"]
