"""`openai:` models that LangChain asks by the responses protocol (the newer ones, when tools are bound)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.domain.failure import Usage
from engine.executors.llm import Llm, LlmWith
from engine.executors.model_caller import ModelCaller
from engine.executors.models import ModelCatalogue
from engine.executors.port import Done, StepFailure
from engine.executors.prices import Prices
from tests.executors.fake_step import FakeStepContext
from tests.executors.memory_cache import MemoryCache
from tests.executors.openai_stub import OpenAIStub, Stream, Then, openai_stub

MESSAGE = {
    "type": "message",
    "id": "m1",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Hi there", "annotations": []}],
}
CALL = {
    "type": "function_call",
    "id": "f1",
    "call_id": "call_a",
    "name": "find",
    "arguments": '{"id": 1}',
    "status": "completed",
}


def text_events() -> list[dict[str, Any]]:
    empty = {**MESSAGE, "status": "in_progress", "content": []}
    place = {"output_index": 0, "content_index": 0, "item_id": "m1"}
    return [
        {"type": "response.created", "response": response("in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        {"type": "response.output_text.delta", **place, "delta": "Hi ", "logprobs": []},
        {"type": "response.output_text.delta", **place, "delta": "there", "logprobs": []},
        {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE},
    ]


def response(status: str, *output: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "stub",
        "status": status,
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
        "usage": {
            "input_tokens": 7,
            "output_tokens": 3,
            "total_tokens": 10,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }


@asynccontextmanager
async def llm(*events: dict[str, Any], then: Then = Then.END) -> AsyncIterator[tuple[Llm, OpenAIStub]]:
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events)]
    async with openai_stub(Stream(chunks=numbered, then=then)) as stub:
        models = ModelCatalogue(provider_options={"openai": {"base_url": stub.base_url, "api_key": "test"}})
        yield Llm(ModelCaller(models, Prices({})), MemoryCache()), stub
        await models.close()


def step(**with_: Any) -> FakeStepContext:
    return FakeStepContext(with_=LlmWith.model_validate({"model": "openai:gpt-5-pro", "prompt": "Hello", **with_}))


async def test_text_is_streamed_and_counted() -> None:
    done = {"type": "response.completed", "response": response("completed", MESSAGE)}
    async with llm(*text_events(), done) as (executor, stub):
        context = step(max_tokens=50)
        assert await executor.run(context) == Done("Hi there")
    assert context.deltas[0] == "Hi "
    assert context.usage == Usage(input_tokens=7, output_tokens=3, model_calls=1)
    assert stub.requests[0].path == "/v1/responses"
    assert stub.requests[0].body["max_output_tokens"] == 50


async def test_a_reply_at_its_limit_is_given_with_a_warning() -> None:
    cut = {"type": "response.incomplete", "response": response("incomplete", MESSAGE, reason="max_output_tokens")}
    async with llm(*text_events(), cut) as (executor, _):
        context = step()
        assert await executor.run(context) == Done("Hi there")
    assert "cut off" in context.lines[0].message


async def test_a_reply_without_its_end_is_a_broken_stream() -> None:
    async with llm(*text_events()) as (executor, _):
        with pytest.raises(StepFailure) as raised:
            await executor.run(step())
    assert raised.value.failure.code == "stream_broken"


async def test_tool_calls_are_put_together() -> None:
    begun = {**CALL, "arguments": "", "status": "in_progress"}
    place = {"output_index": 0, "item_id": "f1"}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response("in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        {"type": "response.function_call_arguments.delta", **place, "delta": '{"id"'},
        {"type": "response.function_call_arguments.delta", **place, "delta": ": 1}"},
        {"type": "response.output_item.done", "output_index": 0, "item": CALL},
        {"type": "response.completed", "response": response("completed", CALL)},
    ]
    async with llm(*events) as (executor, _):
        result = await executor.run(step(tools=[{"name": "find"}]))
    calls = [{"id": "call_a", "name": "find", "arguments": {"id": 1}}]
    assert result == Done({"text": "", "tool_calls": calls})
