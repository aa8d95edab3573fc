"""Counts what the model calls inside of a registered graph consume."""

from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from msgspec.structs import replace

from engine.domain.failure import Usage
from engine.executors.prices import Prices


class UsageCounter(AsyncCallbackHandler):
    """A callback for one run. A model that does not report its tokens counts as a call without any."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._models: dict[UUID, str] = {}
        self._usage = Usage()

    @property
    def usage(self) -> Usage | None:
        return self._usage if self._usage.model_calls else None

    async def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002 - LangChain's signature
        messages: list[list[BaseMessage]],  # noqa: ARG002
        *,
        run_id: UUID,
        metadata: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        described = metadata or {}
        self._models[run_id] = f"{described.get('ls_provider')}:{described.get('ls_model_name')}"

    async def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        model = self._models.pop(run_id, "")
        used = Usage(model_calls=1)
        for batch in response.generations:
            for generation in batch:
                if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage):
                    used += _tokens(generation.message)
        self._usage += replace(used, cost_usd=self._prices.cost(model, used) or 0.0)

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:  # noqa: ARG002
        self._models.pop(run_id, None)
        self._usage += Usage(model_calls=1)


def _tokens(message: AIMessage) -> Usage:
    counted = message.usage_metadata
    if counted is None:
        return Usage()
    return Usage(input_tokens=counted["input_tokens"], output_tokens=counted["output_tokens"])
