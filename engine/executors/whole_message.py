"""A reply out of the pieces in which it was streamed."""

import json
from collections.abc import Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import ToolCallChunk, invalid_tool_call, tool_call
from langchain_core.messages.utils import message_chunk_to_message


def whole_message(chunks: Sequence[BaseMessage]) -> AIMessage:
    """`chunks` has at least one; a model that cannot stream gives a single message that is no chunk."""
    first, rest = chunks[0], [chunk for chunk in chunks[1:] if isinstance(chunk, AIMessageChunk)]
    if not isinstance(first, AIMessageChunk):
        return cast("AIMessage", first)
    # In one go: adding them one by one takes time that grows with the square of their number.
    added = first + rest if rest else first
    message = cast("AIMessage", message_chunk_to_message(added))
    return _with_exact_calls(message, added.tool_call_chunks) if added.tool_call_chunks else message


def _with_exact_calls(message: AIMessage, calls: Sequence[ToolCallChunk]) -> AIMessage:
    """LangChain completes arguments that were cut off, so that half a path or amount would reach the tool as if it was
    meant so. Here they are invalid.
    """
    parsed = [(call, _arguments(call["args"])) for call in calls]
    valid = [tool_call(name=call["name"] or "", args=args, id=call["id"]) for call, args in parsed if args is not None]
    invalid = [
        invalid_tool_call(name=call["name"], args=call["args"], id=call["id"], error="the arguments are no JSON object")
        for call, args in parsed
        if args is None
    ]
    return message.model_copy(update={"tool_calls": valid, "invalid_tool_calls": invalid})


def _arguments(text: str | None) -> dict[str, Any] | None:
    """None if the text is no JSON object. Some providers send nothing for a tool without parameters."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
