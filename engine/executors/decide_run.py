"""Runs the steps of kind `decide` in which a model chooses."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from engine.executors.choose import Choose, ChoosingModel
from engine.executors.decide import DecideWith
from engine.executors.model_caller import ModelCaller
from engine.executors.model_replies import ModelRequest
from engine.executors.port import Done, Result, StepContext
from engine.executors.structured_output import OutputSchema

_INSTRUCTION = "Choose exactly one of these options. Answer with its label as `choice`."
_LONGEST_LABEL = 100
"""Characters. A longer text is a poor label: providers bound the enums that they take."""


class DecideRun:
    def __init__(self, caller: ModelCaller) -> None:
        self._caller = caller

    async def run(self, step: StepContext) -> Result:
        given: DecideWith = step.with_
        if given.choose is None:
            raise TypeError("cases are decided where the step begins, and not by a worker")
        choose = await _revealed(given.choose, step)
        options = _options(choose)
        reply = await self._caller.ask(step, _request(choose.chooser, options))
        return Done(next(option.value for option in options if option.label == reply.value["choice"]))


async def _revealed(choose: Choose, step: StepContext) -> Choose:
    """`choose`, with the secrets that its texts mention filled in. Must not be stored or logged."""
    chooser = choose.chooser
    shown = await step.reveal({"from": choose.from_, "system": chooser.system, "prompt": chooser.prompt})
    by = chooser.model_copy(update={"system": shown["system"], "prompt": shown["prompt"]})
    return choose.model_copy(update={"from_": shown["from"], "by": by})


class _Option(msgspec.Struct, frozen=True, kw_only=True):
    label: str
    value: Any
    description: str | None


def _options(choose: Choose) -> list[_Option]:
    described = [_described(entry) for entry in choose.from_]
    labels = _labels([value for value, _ in described])
    return [
        _Option(label=label, value=value, description=description)
        for label, (value, description) in zip(labels, described, strict=True)
    ]


def _described(entry: Any) -> tuple[Any, str | None]:
    if isinstance(entry, dict) and entry.keys() == {"value", "description"} and isinstance(entry["description"], str):
        return entry["value"], entry["description"]
    return entry, None


def _labels(values: Sequence[Any]) -> list[str]:
    """The values themselves where they are words that can be told apart; otherwise numbers from 1, as text, since not
    every provider takes enums of anything else.
    """
    words = [value for value in values if isinstance(value, str) and _is_label(value)]
    if len(set(words)) == len(values):
        return words
    return [str(number) for number in range(1, len(values) + 1)]


def _is_label(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_LABEL and text.isprintable() and text == text.strip()


def _request(chooser: ChoosingModel, options: Sequence[_Option]) -> ModelRequest:
    choice = {"type": "string", "enum": [option.label for option in options]}
    schema = {
        "title": "choice",
        "type": "object",
        "properties": {"choice": choice},
        "required": ["choice"],
        "additionalProperties": False,
    }
    return ModelRequest(models=chooser.models, messages=_messages(chooser, options), output_schema=OutputSchema(schema))


def _messages(chooser: ChoosingModel, options: Sequence[_Option]) -> list[BaseMessage]:
    listed = "\n".join(map(_line, options))
    told = f"{_INSTRUCTION}\n\n{listed}"
    system = told if chooser.system is None else f"{chooser.system}\n\n{told}"
    return [SystemMessage(system), HumanMessage(chooser.prompt)]


def _line(option: _Option) -> str:
    parts = [] if option.value == option.label else [json.dumps(option.value, ensure_ascii=False)]
    parts += [] if option.description is None else [option.description]
    return f"- {option.label}: {' - '.join(parts)}" if parts else f"- {option.label}"
