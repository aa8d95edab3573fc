"""The part of `with` that `llm` and `agent` share, and the conversation that it begins."""

from typing import Annotated, Any, Literal, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import tool_call
from pydantic import Field, model_validator

from engine.domain.definition import Model
from engine.executors.answer_schema import AnswerSchema
from engine.executors.port import StepContext

ModelName = Annotated[
    str, Field(pattern=r"^(.*\$\{.*|[a-z][a-z0-9_-]*:.+)$", max_length=200, examples=["openai:gpt-5-mini"])
]
Content = str | list[dict[str, Any]]
"""Text, or blocks (`{type: text, text}`, `{type: image, url}`, ...), which go to the model as they are."""


class CalledTool(Model):
    """A tool that the model asked for."""

    id: str
    name: str
    arguments: dict[str, Any] = Field(default={})


class Message(Model):
    """`tool_calls` is for the assistant; a message of role `tool` answers the call `tool_call_id`."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Content = ""
    name: str | None = None
    tool_calls: tuple[CalledTool, ...] = ()
    tool_call_id: str | None = None

    @model_validator(mode="after")
    def _answers_a_call(self) -> "Message":
        if self.role == "tool" and self.tool_call_id is None:
            raise ValueError("a message of role tool needs tool_call_id")
        if self.role != "assistant" and self.tool_calls:
            raise ValueError("only the assistant has tool_calls")
        return self


class ModelWith(Model):
    """Which model is asked, and what."""

    model: ModelName = Field(description="`provider:model`, as LangChain names them.")
    system: str | None = Field(default=None, description="What the model is and how it should behave.")
    prompt: Content | None = Field(default=None, description="The user's message; it comes after `messages`.")
    messages: tuple[Message, ...] = Field(default=(), description="The conversation so far.")
    output_schema: AnswerSchema | None = Field(
        default=None, description="JSON Schema of the answer. Without it the answer is text."
    )
    fallbacks: tuple[ModelName, ...] = Field(
        default=(), max_length=10, description="Models that are asked in turn when the first one fails."
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(default=None, description="0 is steady, 2 is wild.")
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(default=None, description="The longest reply, in tokens.")

    @model_validator(mode="after")
    def _asks_something(self) -> "ModelWith":
        if self.prompt is None and not self.messages:
            raise ValueError("`prompt` or `messages` is needed")
        return self

    @property
    def models(self) -> tuple[str, ...]:
        return (self.model, *self.fallbacks)


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
