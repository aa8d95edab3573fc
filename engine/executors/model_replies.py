"""One reply of a model: reserved from the budget, streamed and accounted for; fallbacks are asked where it fails."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, cast

import msgspec
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langsmith.run_helpers import tracing_context

from engine.domain.failure import Failure, Usage
from engine.executors.delta_stream import DeltaStream
from engine.executors.model_errors import translated
from engine.executors.model_failures import model_failure
from engine.executors.models import ModelCatalogue, ModelOptions
from engine.executors.port import StepContext, StepFailure
from engine.executors.prices import Prices
from engine.executors.reply_ending import Ending, ending
from engine.executors.structured_output import OutputSchema, Unfit
from engine.executors.whole_message import whole_message

_CHARACTERS_PER_TOKEN = 4


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`models` are asked in order until one answers. `tools` are function definitions as OpenAI has them."""

    models: tuple[str, ...]
    messages: Sequence[BaseMessage]
    temperature: float | None = None
    max_tokens: int | None = None
    tools: Sequence[dict[str, Any]] = ()
    output_schema: OutputSchema | None = None


class ModelReply(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is the one that answered. `value` is the text, or what fits `output_schema`."""

    model: str
    message: AIMessage
    value: Any


class ModelReplies:
    def __init__(self, models: ModelCatalogue, prices: Prices) -> None:
        self._models = models
        self._prices = prices

    async def ask(self, step: StepContext, request: ModelRequest) -> ModelReply:
        """Raises `BudgetReached`, or `StepFailure` with the last model's failure (see `model_failures`); with fallbacks
        `details.tried` has those of all.
        """
        failures: list[tuple[str, Failure]] = []
        for position, model in enumerate(request.models):
            try:
                return await self._ask_one(step, request, model)
            except StepFailure as error:
                failures.append((model, error.failure))
                if position + 1 == len(request.models):
                    raise _of_all(failures) from error
                following = request.models[position + 1]
                fields = {"model": model, "code": error.failure.code, "next": following}
                step.log("warning", f"{error.failure.message}; {following} is asked instead", fields)
        raise model_failure("bad_request", "no model is named")

    async def _ask_one(self, step: StepContext, request: ModelRequest, model: str) -> ModelReply:
        estimate = count_tokens_approximately(request.messages, tools=list(request.tools) or None)
        async with step.model_call(model, prompt_tokens=estimate, max_tokens=request.max_tokens) as call:
            options = ModelOptions(temperature=request.temperature, max_tokens=call.max_tokens)
            message = await self._streamed(step, request, model, options)
            call.settle(self._usage(model, message, estimate))
        return _reply(step, request, model, message)

    async def _streamed(self, step: StepContext, request: ModelRequest, model: str, options: ModelOptions) -> AIMessage:
        chunks: list[BaseMessage] = []
        try:
            runnable, messages = await self._prepared(step, request, model, options)
            # Whatever tracing variables the environment holds: prompts go to the model and nowhere else.
            with tracing_context(enabled=False), DeltaStream(step.delta) as deltas:
                stream = cast("AsyncGenerator[BaseMessage]", runnable.astream(messages))
                async with aclosing(stream):
                    async for chunk in stream:
                        chunks.append(chunk)
                        deltas.write(str(chunk.text))
        except Exception as error:
            raise translated(error, model, streaming=bool(chunks)) from error
        return whole_message(chunks)

    async def _prepared(self, step: StepContext, request: ModelRequest, model: str, options: ModelOptions) -> Any:
        chat = await self._models.model(model, options, attempt=step.attempt)
        if request.output_schema is not None:
            return request.output_schema.ask(chat, request.messages)
        if not request.tools:
            return chat, request.messages
        try:
            return chat.bind_tools(request.tools), request.messages
        except NotImplementedError as error:
            raise model_failure("bad_request", f"{model} cannot call tools") from error

    def _usage(self, model: str, message: AIMessage, estimate: int) -> Usage:
        """What the provider counted; estimated where it says nothing, so that a budget holds there too."""
        asked, given = _counted(message) or (estimate, -(-len(str(message.text)) // _CHARACTERS_PER_TOKEN))
        usage = Usage(input_tokens=asked, output_tokens=given, model_calls=1)
        return msgspec.structs.replace(usage, cost_usd=self._prices.cost(model, usage) or 0.0)


def _counted(message: AIMessage) -> tuple[int, int] | None:
    """Tokens of the prompt and of the reply. In a structured reply that was streamed, langchain-openai leaves them in
    the metadata alone.
    """
    if message.usage_metadata:
        return message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]
    usage = message.response_metadata.get("token_usage")
    if isinstance(usage, dict) and "prompt_tokens" in usage and "completion_tokens" in usage:
        return int(usage["prompt_tokens"]), int(usage["completion_tokens"])
    return None


def _reply(step: StepContext, request: ModelRequest, model: str, message: AIMessage) -> ModelReply:
    end = ending(message)
    if end is Ending.BROKEN:
        raise model_failure("stream_broken", f"{model}: the reply ended without its end mark", {"model": model})
    if end is Ending.FILTERED:
        raise model_failure("content_filtered", f"{model}: the provider held the reply back", {"model": model})
    if request.output_schema is None:
        if end is Ending.LENGTH:
            step.log("warning", f"{model}: the reply was cut off at its limit of tokens", {"model": model})
        return ModelReply(model=model, message=message, value=str(message.text))
    try:
        value = request.output_schema.value(message)
    except Unfit as error:
        details = {"model": model, **error.details, "ending": end.value}
        raise model_failure("output_schema_violation", f"{model}: {error.message}", details) from error
    return ModelReply(model=model, message=message, value=value)


def _of_all(failures: Sequence[tuple[str, Failure]]) -> StepFailure:
    """The last failure, retryable if trying again may help any of the models."""
    last = failures[-1][1]
    if len(failures) == 1:
        return StepFailure(last)
    tried = [{"model": model, "code": failure.code, "message": failure.message} for model, failure in failures]
    details = {**(last.details or {}), "tried": tried}
    retryable = any(failure.retryable for _, failure in failures)
    return StepFailure(msgspec.structs.replace(last, retryable=retryable, details=details))
