"""Why a reply ended, in one vocabulary for all providers."""

from enum import StrEnum
from typing import Any

from langchain_core.messages import AIMessage


class Ending(StrEnum):
    COMPLETE = "complete"
    LENGTH = "length"
    """Cut off at the limit of tokens."""
    FILTERED = "filtered"
    """Refused, or held back by the provider."""
    BROKEN = "broken"
    """The stream stopped without an end mark, as it does behind a proxy that gives up."""


_LENGTH = {"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"}
_FILTERED = {
    "content_filter",
    "content_filtered",
    "refusal",
    "safety",
    "prohibited_content",
    "blocklist",
    "guardrail_intervened",
}
_STATES = ("finish_reason", "stop_reason", "stopReason", "done_reason")
"""Where OpenAI and Google, Anthropic, Bedrock and Ollama say it."""
_ALWAYS_MARKED = {"openai", "azure"}
"""Providers that never end a whole reply without a mark."""


def ending(message: AIMessage) -> Ending:
    said = message.response_metadata
    reason = _reason(said)
    if reason in _LENGTH:
        return Ending.LENGTH
    if reason in _FILTERED or message.additional_kwargs.get("refusal"):
        return Ending.FILTERED
    unmarked = reason is None and said.get("model_provider") in _ALWAYS_MARKED and "status" not in said
    return Ending.BROKEN if unmarked else Ending.COMPLETE


def _reason(said: dict[str, Any]) -> str | None:
    """In lower case. OpenAI's responses API says it within `incomplete_details`."""
    for state in _STATES:
        if said.get(state):
            return str(said[state]).lower()
    incomplete = said.get("incomplete_details")
    return str(incomplete["reason"]).lower() if isinstance(incomplete, dict) and incomplete.get("reason") else None
