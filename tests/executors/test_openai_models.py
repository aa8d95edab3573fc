"""`openai:` models through LangChain, against a server on loopback: what is sent, what is read, how it fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engine.domain.failure import Budget, Failure, Usage
from engine.executors.llm import Llm, LlmWith
from engine.executors.model_caller import ModelCaller
from engine.executors.models import ModelCatalogue
from engine.executors.port import Done, StepFailure
from engine.executors.prices import Price, Prices
from tests.executors.fake_step import FakeStepContext
from tests.executors.memory_cache import MemoryCache
from tests.executors.openai_stub import OpenAIStub, Refusal, Stream, Then, openai_stub, text, tool_calls
from tests.patience import PATIENCE_SECONDS

SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


@asynccontextmanager
async def llm(*replies: Stream | Refusal, **options: Any) -> AsyncIterator[tuple[Llm, OpenAIStub]]:
    async with openai_stub(*replies) as stub:
        models = ModelCatalogue(provider_options={"openai": {"base_url": stub.base_url, "api_key": "test", **options}})
        prices = Prices({"openai:gpt-4o-mini": Price(input=1.0, output=10.0)})
        try:
            yield Llm(ModelCaller(models, prices), MemoryCache()), stub
        finally:
            await models.close()


def step(**with_: Any) -> FakeStepContext:
    return FakeStepContext(with_=LlmWith.model_validate({"model": "openai:gpt-4o-mini", "prompt": "Hello", **with_}))


async def failure_of(executor: Llm, context: FakeStepContext) -> Failure:
    with pytest.raises(StepFailure) as raised:
        await executor.run(context)
    assert raised.value.failure.details["model"] == "openai:gpt-4o-mini"
    return raised.value.failure


async def test_tokens_are_streamed_and_the_usage_and_its_cost_are_settled() -> None:
    async with llm(Stream(chunks=text("Hel", "lo", " there", usage=(100, 10)))) as (executor, stub):
        context = step(system="Be kind.", temperature=0.5, max_tokens=50)
        assert await executor.run(context) == Done("Hello there")

    assert context.text == "Hello there"
    assert context.usage == Usage(input_tokens=100, output_tokens=10, cost_usd=0.0002, model_calls=1)
    (request,) = stub.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer test"
    assert request.body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
    ]
    assert request.body["temperature"] == 0.5
    assert request.body["max_completion_tokens"] == 50
    assert request.body["stream_options"] == {"include_usage": True}


async def test_thousands_of_tokens_cost_few_deltas_and_lose_nothing() -> None:
    tokens = [f"w{number} " for number in range(3_000)]
    async with llm(Stream(chunks=text(*tokens))) as (executor, _):
        context = step()
        assert await executor.run(context) == Done("".join(tokens))
    assert context.text == "".join(tokens)
    assert len(context.deltas) < 300


async def test_a_provider_that_counts_nothing_is_estimated() -> None:
    async with llm(Stream(chunks=text("x" * 400, usage=None))) as (executor, _):
        context = step(prompt="y" * 400)
        await executor.run(context)
    assert context.usage.input_tokens >= 100
    assert context.usage.output_tokens == 100


async def test_the_cap_of_the_budget_is_sent_as_the_limit_of_the_reply() -> None:
    async with llm(Stream(chunks=text("ok")), Stream(chunks=text("ok"))) as (executor, stub):
        for cap in (None, 30):
            context = step(max_tokens=cap)
            context.budget = Budget(max_tokens=60)
            await executor.run(context)
    first, second = (request.body["max_completion_tokens"] for request in stub.requests)
    assert 30 < first < 60
    assert second == 30


async def test_tool_calls_in_fragments_are_put_together() -> None:
    chunks = tool_calls(("call_a", "find", ['{"id"', ": 1", "}"]), ("call_b", "find", ["{", '"id": 2}']))
    tool = {"name": "find", "description": "Finds", "parameters": {"type": "object", "properties": {"id": {}}}}
    async with llm(Stream(chunks=chunks)) as (executor, stub):
        result = await executor.run(step(tools=[tool]))

    calls = [
        {"id": "call_a", "name": "find", "arguments": {"id": 1}},
        {"id": "call_b", "name": "find", "arguments": {"id": 2}},
    ]
    assert result == Done({"text": "", "tool_calls": calls})
    assert stub.requests[0].body["tools"][0]["function"]["name"] == "find"


async def test_arguments_that_were_cut_off_are_not_taken_for_whole_ones() -> None:
    chunks = tool_calls(("call_a", "pay", ['{"amount": 1']))
    async with llm(Stream(chunks=chunks)) as (executor, _):
        failure = await failure_of(executor, step(tools=[{"name": "pay"}]))
    assert (failure.code, failure.retryable) == ("output_schema_violation", True)


async def test_an_output_schema_uses_the_provider_s_own_and_still_streams() -> None:
    async with llm(Stream(chunks=text('{"n"', ": ", "4}"))) as (executor, stub):
        context = step(output_schema=SCHEMA)
        assert await executor.run(context) == Done({"n": 4})

    asked = stub.requests[0].body["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"]["schema"]["properties"] == SCHEMA["properties"]
    assert context.text == '{"n": 4}'
    assert context.usage.output_tokens == 3


async def test_a_reply_that_breaks_the_schema_fails_with_what_is_wrong_and_is_paid_for() -> None:
    async with llm(Stream(chunks=text('{"n": "four"}'))) as (executor, _):
        context = step(output_schema=SCHEMA)
        failure = await failure_of(executor, context)
    assert (failure.code, failure.retryable) == ("output_schema_violation", True)
    assert failure.details["problems"][0]["path"] == ["n"]
    assert context.usage.model_calls == 1


async def test_a_structured_reply_that_is_cut_off_says_so() -> None:
    async with llm(Stream(chunks=text('{"n": ', finish="length"))) as (executor, _):
        failure = await failure_of(executor, step(output_schema=SCHEMA))
    assert failure.code == "output_schema_violation"


async def test_a_reply_without_an_end_mark_is_a_broken_stream_not_an_answer() -> None:
    chunks = text("Once upon")[:1]
    async with llm(Stream(chunks=chunks, then=Then.END)) as (executor, _):
        failure = await failure_of(executor, step())
    assert (failure.code, failure.retryable) == ("stream_broken", True)


async def test_a_connection_that_breaks_in_the_middle_is_a_broken_stream() -> None:
    async with llm(Stream(chunks=text("Once upon")[:1], then=Then.BREAK)) as (executor, _):
        context = step()
        failure = await failure_of(executor, context)
    assert failure.code == "stream_broken"
    assert context.text == "Once upon"


async def test_a_step_that_is_cancelled_closes_the_connection_at_once() -> None:
    async with llm(Stream(chunks=text("Once upon")[:1], then=Then.HANG)) as (executor, stub):
        context = step()
        running = asyncio.create_task(executor.run(context))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while context.text != "Once upon":
                await asyncio.sleep(0.001)
            running.cancel()
            await stub.left.wait()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert context.calls[0].outcome == "CancelledError"


async def test_a_stream_that_stalls_times_out_by_itself() -> None:
    async with llm(Stream(chunks=text("Once")[:1], then=Then.HANG), stream_chunk_timeout=0.05) as (executor, _):
        failure = await failure_of(executor, step())
    assert (failure.code, failure.retryable) == ("model_timeout", True)


@pytest.mark.parametrize(
    ("refusal", "code", "retryable"),
    [
        (Refusal(status=429), "rate_limited", True),
        (Refusal(status=500), "model_unavailable", True),
        (Refusal(status=503), "model_unavailable", True),
        (Refusal(status=400), "bad_request", False),
        (Refusal(status=400, code="context_length_exceeded", message="too long"), "context_too_long", False),
        (Refusal(status=401), "authentication_failed", False),
        (Refusal(status=403), "authentication_failed", False),
        (Refusal(status=404), "model_not_found", False),
        (Refusal(status=422), "bad_request", False),
    ],
)
async def test_a_refusal_has_a_stable_code_and_is_not_retried_by_the_client(
    refusal: Refusal,
    code: str,
    retryable: bool,  # noqa: FBT001 - a column of the table
) -> None:
    async with llm(refusal, Stream(chunks=text("never asked"))) as (executor, stub):
        failure = await failure_of(executor, step())
    assert (failure.code, failure.retryable) == (code, retryable)
    assert len(stub.requests) == 1


async def test_a_rate_limit_tells_when_to_come_back() -> None:
    async with llm(Refusal(status=429, headers={"retry-after": "7"})) as (executor, _):
        failure = await failure_of(executor, step())
    assert failure.details["retry_after_seconds"] == 7.0
    assert failure.details["status"] == 429


async def test_a_filtered_reply_is_a_failure_that_is_not_retried() -> None:
    async with llm(Stream(chunks=text("", finish="content_filter"))) as (executor, _):
        failure = await failure_of(executor, step())
    assert (failure.code, failure.retryable) == ("content_filtered", False)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with llm() as (_, stub):
        pass
    models = ModelCatalogue(provider_options={"openai": {"base_url": stub.base_url, "api_key": "test"}})
    failure = await failure_of(Llm(ModelCaller(models, Prices({})), MemoryCache()), step())
    await models.close()
    assert failure.code == "model_unavailable"


async def test_a_fallback_is_asked_when_the_model_fails() -> None:
    async with llm(Refusal(status=500), Stream(chunks=text("from the other"))) as (executor, stub):
        context = step(fallbacks=["openai:gpt-4o"])
        assert await executor.run(context) == Done("from the other")
    assert [request.body["model"] for request in stub.requests] == ["gpt-4o-mini", "gpt-4o"]
    assert [call.outcome for call in context.calls] == ["StepFailure", "settled"]


async def test_one_client_serves_models_of_different_options_at_the_same_time() -> None:
    replies = [Stream(chunks=text(str(number))) for number in range(8)]
    async with llm(*replies) as (executor, stub):
        steps = [step(temperature=number / 10) for number in range(8)]
        async with asyncio.TaskGroup() as group:
            for context in steps:
                group.create_task(executor.run(context))
    assert sorted(context.text for context in steps) == [str(number) for number in range(8)]
    assert sorted(request.body["temperature"] for request in stub.requests) == [n / 10 for n in range(8)]
