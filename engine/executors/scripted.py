"""`scripted:<name>`: a LangChain chat model that answers from a script (see `script.py` for the format)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from langchain_core.exceptions import ModelConnectionError, ModelError
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel, agenerate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers import JsonOutputParser
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from engine.executors.script import Script, ScriptedError, ScriptedUsage
from engine.executors.script_reading import Conversation, Reading, read, words


class ScriptedFailure(ModelError):
    """What a provider answered, with the attributes that the providers' own exceptions have."""

    def __init__(self, error: ScriptedError) -> None:
        super().__init__(error.message or f"the script says: status {error.status}")
        self.status_code = error.status
        self.retry_after = error.retry_after


class ScriptedChatModel(BaseChatModel):
    """Async only. `attempt` is the attempt at the step that asks; `max_tokens` cuts the reply as a provider would."""

    script: Script
    attempt: int = 1
    max_tokens: int | None = None

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Tools are accepted and not looked at: which of them is called is written in the script."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], tool_choice=tool_choice, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """The reply is taken for JSON; whether it fits the schema is for the caller to check."""
        if include_raw:
            raise ValueError("scripted models have no `include_raw`: stream the first part of the sequence instead")
        return self.bind(response_format=schema, **kwargs) | JsonOutputParser()

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise TypeError("scripted models are async: use ainvoke or astream")

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages))

    async def _astream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        conversation = _conversation(messages, self.attempt)
        reading = read(self.script, conversation)
        await _pause(reading.reply.delay or self.script.delay)
        error = reading.reply.error
        if error is not None and error.after_tokens is None:
            raise _failure(error)
        tokens = words(reading.text)[: self.max_tokens]
        for token in tokens[: error.after_tokens if error else None]:
            yield ChatGenerationChunk(message=AIMessageChunk(content=token))
            await _pause(self.script.chunk_delay)
        if error is not None:
            raise ModelConnectionError(error.message or "the stream broke off")
        for chunk in _tool_calls(reading, conversation.call):
            yield ChatGenerationChunk(message=chunk)
        yield ChatGenerationChunk(message=self._last(reading, messages, len(tokens)))

    def _last(self, reading: Reading, messages: list[BaseMessage], tokens: int) -> AIMessageChunk:
        """The end of the stream, with the usage, as providers send it."""
        stated, usual = reading.reply.usage or ScriptedUsage(), self.script.usage
        counted = sum(len(words(message.text)) for message in messages)
        asked = _first(stated.input_tokens, usual.input_tokens, counted)
        given = _first(stated.output_tokens, usual.output_tokens, tokens + len(reading.tool_calls))
        if self.max_tokens is not None:
            given = min(given, self.max_tokens)
        cut = len(words(reading.text)) > tokens
        finish = "length" if cut else reading.reply.finish_reason or ("tool_calls" if reading.tool_calls else "stop")
        return AIMessageChunk(
            content="",
            usage_metadata={"input_tokens": asked, "output_tokens": given, "total_tokens": asked + given},
            response_metadata={"finish_reason": finish},
        )


def _conversation(messages: Sequence[BaseMessage], attempt: int) -> Conversation:
    last = messages[-1] if messages else None
    return Conversation(
        prompt=_last_text(messages, HumanMessage),
        system=_last_text(messages, SystemMessage),
        tool_result=_last_text(messages, ToolMessage),
        after_tool=last.name if isinstance(last, ToolMessage) else None,
        call=1 + sum(isinstance(message, AIMessage) for message in messages),
        attempt=attempt,
    )


def _last_text(messages: Sequence[BaseMessage], kind: type[BaseMessage]) -> str:
    return next((str(message.text) for message in reversed(messages) if isinstance(message, kind)), "")


def _tool_calls(reading: Reading, call: int) -> Iterator[AIMessageChunk]:
    for index, (name, args) in enumerate(reading.tool_calls):
        text = json.dumps(args, ensure_ascii=False)
        part = tool_call_chunk(name=name, args=text, id=f"call_{call}_{index + 1}", index=index)
        yield AIMessageChunk(content="", tool_call_chunks=[part])


def _failure(error: ScriptedError) -> ModelError:
    return ScriptedFailure(error) if error.status else ModelConnectionError(error.message or "the connection failed")


def _first(*values: int | None) -> int:
    return next((value for value in values if value is not None), 0)


async def _pause(duration: timedelta | None) -> None:
    if duration:
        await asyncio.sleep(duration.total_seconds())
