"""`llm`: messages, output, fallbacks, budget, cache."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import langsmith.utils
import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ValidationError

from engine.domain.failure import Budget, Failure, Usage
from engine.domain.status import FailureKind
from engine.executors.llm import Llm, LlmWith
from engine.executors.model_caller import ModelCaller
from engine.executors.models import ModelCatalogue, ModelOptions
from engine.executors.port import BudgetReached, Done, StepFailure
from engine.executors.prices import Price, Prices
from engine.executors.script import parse_scripts
from tests.executors.fake_step import FakeStepContext
from tests.executors.memory_cache import MemoryCache

SCRIPTS = parse_scripts("""
models:
  echo: {replies: [{reply: "{{ system }}|{{ prompt }}|{{ call }}"}]}
  json: {replies: [{reply: {n: 4}}]}
  fenced: {replies: [{reply: "```json\\n{\\"n\\": 4}\\n```"}]}
  list: {replies: [{reply: {value: [1, 2]}}]}
  tools: {replies: [{reply: Looking., tool_calls: [{name: find, args: {id: 1}}]}]}
  limited: {replies: [{error: {status: 429, retry_after: 1500ms}}]}
  down: {replies: [{error: {status: 0}}]}
  broken: {replies: [{reply: one two three, error: {after_tokens: 2}}]}
  flaky: {replies: [{when: {attempts: [1]}, error: {status: 500}}, {reply: fine}]}
""")
SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


def llm(cache: MemoryCache | None = None, models: ModelCatalogue | None = None) -> Llm:
    prices = Prices({"scripted:*": Price(input=1_000_000, output=2_000_000)})
    return Llm(ModelCaller(models or ModelCatalogue(SCRIPTS), prices), cache or MemoryCache())


def step(model: str, **with_: Any) -> FakeStepContext:
    given = with_ if "messages" in with_ else {"prompt": "hi", **with_}
    return FakeStepContext(with_=LlmWith.model_validate({"model": f"scripted:{model}", **given}))


async def failure_of(context: FakeStepContext) -> Failure:
    with pytest.raises(StepFailure) as raised:
        await llm().run(context)
    assert raised.value.failure.kind is FailureKind.TASK
    return raised.value.failure


async def test_the_text_is_the_output_and_streams_and_is_paid_for() -> None:
    context = step("echo", system="Be kind.")
    assert await llm().run(context) == Done("Be kind.|hi|1")
    assert context.text == "Be kind.|hi|1"
    assert context.usage == Usage(input_tokens=3, output_tokens=2, cost_usd=7.0, model_calls=1)


async def test_the_prompt_follows_the_messages() -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert await llm().run(step("echo", messages=messages)) == Done("|a|2")
    assert await llm().run(step("echo", messages=messages, prompt="c")) == Done("|c|2")


async def test_blocks_of_content_go_to_the_model_as_they_are() -> None:
    blocks = [{"type": "text", "text": "look"}, {"type": "image", "url": "https://pictures.example/1.png"}]
    assert await llm().run(step("echo", prompt=blocks)) == Done("|look|1")


async def test_with_tools_the_output_is_the_text_and_the_calls() -> None:
    context = step("tools", tools=[{"name": "find"}])
    calls = [{"id": "call_1_1", "name": "find", "arguments": {"id": 1}}]
    assert await llm().run(context) == Done({"text": "Looking.", "tool_calls": calls})


@pytest.mark.parametrize("model", ["json", "fenced"])
async def test_a_structured_reply_is_checked_and_parsed(model: str) -> None:
    assert await llm().run(step(model, output_schema=SCHEMA)) == Done({"n": 4})


async def test_a_schema_that_is_no_object_travels_in_one() -> None:
    assert await llm().run(step("list", output_schema={"type": "array"})) == Done([1, 2])


async def test_a_reply_that_is_no_json_is_a_retryable_failure_that_quotes_it() -> None:
    context = step("echo", output_schema=SCHEMA)
    failure = await failure_of(context)
    assert (failure.code, failure.retryable) == ("output_schema_violation", True)
    assert failure.details["reply"] == "|hi|1"
    assert context.usage.model_calls == 1


async def test_a_schema_that_refers_elsewhere_fetches_nothing() -> None:
    schema = {"type": "object", "properties": {"n": {"$ref": "https://schemas.example/n.json"}}}
    failure = await failure_of(step("json", output_schema=schema))
    assert failure.code == "output_schema_violation"
    assert "schemas.example" in failure.message


async def test_a_rate_limit_is_retryable_and_tells_when() -> None:
    failure = await failure_of(step("limited"))
    assert (failure.code, failure.retryable) == ("rate_limited", True)
    assert failure.details["retry_after_seconds"] == 1.5


async def test_a_break_after_the_first_token_is_told_from_a_model_that_is_not_there() -> None:
    broken = step("broken")
    assert (await failure_of(broken)).code == "stream_broken"
    assert broken.text == "one two "
    assert (await failure_of(step("down"))).code == "model_unavailable"


async def test_a_later_attempt_may_succeed() -> None:
    context = step("flaky")
    await failure_of(context)
    assert await llm().run(context.again(attempt=2)) == Done("fine")


async def test_fallbacks_are_asked_in_order_each_as_a_call_of_its_own() -> None:
    context = step("limited", fallbacks=["scripted:down", "scripted:echo"])
    assert await llm().run(context) == Done("|hi|1")
    assert [(call.model, call.outcome) for call in context.calls] == [
        ("scripted:limited", "StepFailure"),
        ("scripted:down", "StepFailure"),
        ("scripted:echo", "settled"),
    ]
    assert [line.fields["code"] for line in context.lines] == ["rate_limited", "model_unavailable"]


async def test_a_fallback_is_asked_when_a_reply_breaks_the_schema() -> None:
    context = step("echo", output_schema=SCHEMA, fallbacks=["scripted:json"])
    assert await llm().run(context) == Done({"n": 4})
    assert context.usage.model_calls == 2


async def test_when_all_models_fail_the_last_failure_names_them_and_is_retryable_if_one_is() -> None:
    failure = await failure_of(step("limited", fallbacks=["scripted:nobody"]))
    assert (failure.code, failure.retryable) == ("model_not_found", True)
    assert [tried["code"] for tried in failure.details["tried"]] == ["rate_limited", "model_not_found"]


async def test_a_budget_that_is_used_up_is_no_reason_to_ask_a_fallback() -> None:
    context = step("echo", fallbacks=["scripted:json"])
    context.budget = Budget(max_model_calls=0)
    with pytest.raises(BudgetReached):
        await llm().run(context)
    assert not context.calls


async def test_a_reply_that_the_budget_cuts_off_is_given_with_a_warning() -> None:
    context = step("echo", prompt="one two three four five")
    context.budget = Budget(max_tokens=12)
    result = await llm().run(context)
    assert isinstance(result, Done)
    assert "cut off" in context.lines[0].message
    (call,) = context.calls
    assert call.max_tokens is not None
    assert call.usage is not None
    assert call.usage.output_tokens <= call.max_tokens


async def test_secrets_are_filled_in_for_the_model_alone() -> None:
    async def reveal(value: Any) -> Any:
        return {**value, "system": "s3cret"}

    context = step("echo", system="${ secrets.key }")
    context.revealed = reveal
    assert await llm().run(context) == Done("s3cret|hi|1")
    assert context.with_.system == "${ secrets.key }"


async def test_the_same_question_is_answered_from_the_cache_for_nothing() -> None:
    cache = MemoryCache()
    first, second = step("echo", cache_ttl="1h"), step("echo", cache_ttl="1h")
    assert await llm(cache).run(first) == await llm(cache).run(second) == Done("|hi|1")
    assert (first.usage.model_calls, second.usage) == (1, Usage())
    assert cache.ttls == [timedelta(hours=1)]
    assert not second.calls


@pytest.mark.parametrize(
    "other", [{"prompt": "ho"}, {"system": "x"}, {"temperature": 1}, {"max_tokens": 9}, {"output_schema": {}}]
)
async def test_another_question_is_not_answered_from_the_cache(other: dict[str, Any]) -> None:
    cache = MemoryCache()
    await llm(cache).run(step("json", cache_ttl="1h"))
    context = step("json", cache_ttl="1h", **other)
    await llm(cache).run(context)
    assert context.calls


async def test_another_tenant_is_not_answered_from_the_cache() -> None:
    cache = MemoryCache()
    await llm(cache).run(step("echo", cache_ttl="1h"))
    context = step("echo", cache_ttl="1h")
    context.tenant = "other"
    await llm(cache).run(context)
    assert context.calls


async def test_the_answer_of_a_fallback_is_not_kept_as_the_model_s_own() -> None:
    cache = MemoryCache()
    await llm(cache).run(step("down", fallbacks=["scripted:echo"], cache_ttl="1h"))
    context = step("echo", cache_ttl="1h")
    await llm(cache).run(context)
    assert not context.calls


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "`prompt` or `messages` is needed"),
        ({"prompt": "a", "tools": [{"name": "t"}], "output_schema": {}}, "exclude each other"),
        ({"prompt": "a", "model": "gpt-5"}, "pattern"),
        ({"prompt": "a", "output_schema": {"type": "nothing"}}, "not a valid JSON Schema"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "needs tool_call_id"),
        ({"prompt": "a", "temprature": 1}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused_when_the_definition_is_read(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        LlmWith.model_validate({"model": "scripted:echo", **given})


class PlainModel(BaseChatModel):
    """Streams nothing, counts nothing, knows neither tools nor schemas, and sees whether it is traced."""

    reply: str
    asked: list[BaseMessage] = []  # noqa: RUF012 - pydantic copies it
    traced: list[Any] = []  # noqa: RUF012 - the same

    @property
    def _llm_type(self) -> str:
        return "plain"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        self.asked.extend(messages)
        self.traced.append(langsmith.utils.tracing_is_enabled())
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.reply))])


class WeakModel(PlainModel):
    """Streams, and ends without a word."""

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        yield ChatGenerationChunk(message=AIMessageChunk(content=""))


class OneModel(ModelCatalogue):
    def __init__(self, model: BaseChatModel) -> None:
        super().__init__()
        self._model = model

    async def model(self, name: str, options: ModelOptions, *, attempt: int = 1) -> BaseChatModel:
        del name, options, attempt
        return self._model


async def test_a_model_without_streaming_schemas_and_usage_is_told_in_words_and_estimated() -> None:
    plain = PlainModel(reply='{"n": 4}')
    context = step("any", output_schema=SCHEMA)
    assert await llm(models=OneModel(plain)).run(context) == Done({"n": 4})
    assert '"integer"' in str(plain.asked[0].text)
    assert context.usage.output_tokens == 2
    assert context.text == '{"n": 4}'


async def test_a_model_that_knows_no_tools_says_so() -> None:
    with pytest.raises(StepFailure) as raised:
        await llm(models=OneModel(PlainModel(reply=""))).run(step("any", tools=[{"name": "find"}]))
    assert (raised.value.failure.code, raised.value.failure.retryable) == ("bad_request", False)


async def test_an_empty_reply_is_an_empty_text() -> None:
    assert await llm(models=OneModel(WeakModel(reply=""))).run(step("any")) == Done("")


async def test_prompts_are_never_traced_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its own variables are cached at first reading, so the function that reads them is replaced.
    monkeypatch.setattr(langsmith.utils, "get_env_var", lambda *_, **__: "true")
    assert langsmith.utils.tracing_is_enabled()
    plain = PlainModel(reply="x")
    await llm(models=OneModel(plain)).run(step("any"))
    assert plain.traced == [False]
