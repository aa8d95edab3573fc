"""Replies that have to fit a JSON Schema: how a model is asked for them, and how they are checked."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableSequence

from engine.executors.schema_check import JsonSchema, in_words, problems

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

Asking = tuple[Runnable[Any, Any], list[BaseMessage]]
"""The model as it has to be called, and the messages for it."""

_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(?P<json>.*?)\n?\s*```\s*\Z", re.DOTALL)
_QUOTED = 2_000
"""Characters of an unfit reply that are kept for people."""


class Unfit(Exception):
    """The reply breaks the schema. `details` is JSON."""

    def __init__(self, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class OutputSchema:
    """One `output_schema`. Providers take objects alone, so any other value travels as the only member of an object."""

    def __init__(self, schema: JsonSchema) -> None:
        self._schema = dict(schema) if isinstance(schema, Mapping) else {} if schema else {"not": {}}
        self._wrapped = self._schema.get("type") != "object"

    @property
    def object_schema(self) -> dict[str, Any]:
        """The schema of the object that the model is asked for."""
        if not self._wrapped:
            return {**self._schema, "title": self._schema.get("title", "output")}
        inner = dict(self._schema)
        definitions: dict[str, Any] = {key: inner.pop(key) for key in ("$defs", "definitions") if key in inner}
        return {
            "title": "output",
            "type": "object",
            "properties": {"value": inner},
            "required": ["value"],
            "additionalProperties": False,
            **definitions,
        }

    def ask(self, model: "BaseChatModel", messages: Sequence[BaseMessage]) -> Asking:
        """Uses what the provider has for this; a model without it is told in words. The reply still streams."""
        try:
            sequence = model.with_structured_output(self.object_schema, method="json_schema")
        except (NotImplementedError, ValueError, TypeError):  # how integrations say that they cannot
            return model, self._told(messages)
        if isinstance(sequence, RunnableSequence):
            # What follows the model in the sequence is LangChain's parser, which would wait for the whole reply.
            return sequence.first, list(messages)
        return model, self._told(messages)

    def value(self, message: AIMessage) -> Any:
        """The reply as JSON that fits. Raises `Unfit`."""
        text = str(message.text)
        reply = message.tool_calls[0]["args"] if message.tool_calls and not text.strip() else _parsed(text)
        return self.unwrapped(reply)

    def unwrapped(self, reply: Any) -> Any:
        """The value in the object that the model was asked for; a model that left the wrapping out is understood too.
        Raises `Unfit`.
        """
        value = reply["value"] if self._wrapped and isinstance(reply, dict) and reply.keys() == {"value"} else reply
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Raises `Unfit`."""
        found = problems(self._schema, value)
        if found:
            raise Unfit(f"the reply breaks output_schema: {in_words(found[0])}", _details(found, json.dumps(value)))

    def _told(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        schema = json.dumps(self.object_schema, ensure_ascii=False)
        return [
            SystemMessage(f"Answer with one JSON object and nothing else. It has to fit this JSON Schema:\n{schema}"),
            *messages,
        ]


def _parsed(text: str) -> Any:
    fenced = _FENCED.match(text)
    try:
        return json.loads(fenced["json"] if fenced else text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise Unfit("the reply is not JSON", _details([{"path": [], "message": str(error)}], text)) from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _details(found: Sequence[Mapping[str, Any]], reply: str) -> dict[str, Any]:
    return {"problems": list(found), "reply": reply[:_QUOTED]}
