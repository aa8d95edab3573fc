"""Runs the steps of kind `llm`."""

from typing import Any

from engine.executors.conversation import called_tools, conversation, revealed
from engine.executors.llm import LlmWith
from engine.executors.model_cache import ModelCache, cache_key
from engine.executors.model_caller import ModelCaller
from engine.executors.model_failures import model_failure
from engine.executors.model_replies import ModelReply, ModelRequest
from engine.executors.port import Done, Result, StepContext
from engine.executors.structured_output import OutputSchema


class LlmRun:
    def __init__(self, caller: ModelCaller, cache: ModelCache) -> None:
        self._caller = caller
        self._cache = cache

    async def run(self, step: StepContext) -> Result:
        given: LlmWith = await revealed(step.with_, step)
        request = _request(given)
        if given.cache_ttl is None:
            return Done(_output(given, await self._caller.ask(step, request)))
        cached = await self._cache.get(step.tenant, _key(given, request, given.model))
        if cached is not None:
            step.log("info", "the reply was found in the cache", {"model": given.model})
            return Done(cached["output"])
        reply = await self._caller.ask(step, request)
        output = _output(given, reply)
        await self._cache.put(step.tenant, _key(given, request, reply.model), {"output": output}, given.cache_ttl)
        return Done(output)


def _request(given: LlmWith) -> ModelRequest:
    return ModelRequest(
        models=given.models,
        messages=conversation(given),
        temperature=given.temperature,
        max_tokens=given.max_tokens,
        tools=[tool.function() for tool in given.tools],
        output_schema=None if given.output_schema is None else OutputSchema(given.output_schema),
    )


def _output(given: LlmWith, reply: ModelReply) -> Any:
    if not given.tools:
        return reply.value
    unreadable = [call["name"] for call in reply.message.invalid_tool_calls]
    if unreadable:
        message = f"{reply.model}: the arguments for {', '.join(map(str, unreadable))} are not a JSON object"
        raise model_failure("output_schema_violation", message, {"model": reply.model})
    return {"text": reply.value, "tool_calls": called_tools(reply.message)}


def _key(given: LlmWith, request: ModelRequest, model: str) -> str:
    """Under the name of the model that answers: what a fallback said is not the reply of the model it stood in for."""
    parameters = {
        "temperature": given.temperature,
        "max_tokens": given.max_tokens,
        "tools": request.tools,
        "output_schema": given.output_schema,
    }
    return cache_key(model, request.messages, parameters)
