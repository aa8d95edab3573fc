"""The conversation that a `with` begins, as LangChain's messages."""

from typing import Any, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import tool_call

from engine.executors.model_with import Content, Message, ModelWith
from engine.executors.port import StepContext

T = TypeVar("T", bound=ModelWith)


def conversation(given: ModelWith) -> list[BaseMessage]:
    """The system message first, then `messages`, then `prompt`."""
    first: list[BaseMessage] = [SystemMessage(given.system)] if given.system is not None else []
    last: list[BaseMessage] = [HumanMessage(_content(given.prompt))] if given.prompt is not None else []
    return [*first, *(_message(message) for message in given.messages), *last]


def _message(message: Message) -> BaseMessage:
    content = _content(message.content)
    match message.role:
        case "system":
            return SystemMessage(content, name=message.name)
        case "user":
            return HumanMessage(content, name=message.name)
        case "tool":
            return ToolMessage(content, name=message.name, tool_call_id=message.tool_call_id)
        case "assistant":
            calls = [tool_call(name=call.name, args=call.arguments, id=call.id) for call in message.tool_calls]
            return AIMessage(content, name=message.name, tool_calls=calls)


def _content(content: Content) -> str | list[str | dict[str, Any]]:
    """LangChain declares lists of blocks as lists of blocks or strings, and lists are invariant."""
    return content if isinstance(content, str) else list(content)


def called_tools(message: AIMessage) -> list[dict[str, Any]]:
    """The tool calls of a reply in the shape of `CalledTool`."""
    return [{"id": call["id"] or "", "name": call["name"], "arguments": call["args"]} for call in message.tool_calls]


async def revealed(given: T, step: StepContext) -> T:
    """`given`, with the secrets that its texts mention filled in. Must not be stored or logged."""
    said = {"system": given.system, "prompt": given.prompt, "messages": [m.model_dump() for m in given.messages]}
    shown = await step.reveal(said)
    messages = tuple(Message.model_validate(message) for message in shown["messages"])
    return given.model_copy(update={"system": shown["system"], "prompt": shown["prompt"], "messages": messages})
