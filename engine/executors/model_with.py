"""The part of `with` that `llm` and `agent` share."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from engine.domain.definition import Model
from engine.executors.answer_schema import AnswerSchema

MODEL_NAME = r"^(.*\$\{.*|[a-z][a-z0-9_-]*:.+)$"
"""`provider:model`, or an expression that gives it."""
ModelName = Annotated[str, Field(pattern=MODEL_NAME, max_length=200, examples=["openai:gpt-5-mini"])]
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
