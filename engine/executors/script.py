r"""Scripts for `scripted:` models: replies written down beforehand, for tests, demonstrations and dry runs.

    models:
      support:                                    # used as scripted:support
        delay: 20ms                               # before the first token; each reply may have its own
        chunk_delay: 5ms                          # between tokens; a token is one word with the white space behind it
        price: {input: 0.5, output: 1.5}          # US dollars per million tokens
        usage: {input_tokens: 100, output_tokens: 20}   # otherwise the words are counted
        replies:                                  # the first whose `when` holds is given; if none does, the call fails
          - when: {attempts: [1]}                 # only in the first attempt at the step
            error: {status: 429, retry_after: 2s}
          - when: {contains: refund}              # in the last user message, upper or lower case alike
            reply: {category: billing}            # an object is given as JSON
          - when: {matches: 'order (?P<order>\d+)'}
            tool_calls: [{name: find_order, args: {id: "{{ match.order }}"}}]
          - when: {after_tool: find_order}        # the last message is what this tool gave
            reply: "Your order: {{ tool_result }}"
          - when: {call: 2}                       # the model has replied once before in the conversation
            reply: As I said.
          - reply: "You wrote: {{ prompt | words 12 }}"

`when` holds if all that it names holds: `contains` and `matches` (a regular expression) look into the last user
message, `system` into the system message, `call` counts the model's replies so far plus one, `attempts` lists attempts
at the step.

A reply is text, or JSON, whose strings are rendered: `{{ prompt }}` is the last user message, `{{ system }}`,
`{{ call }}`, `{{ tool_result }}` the last tool message, `{{ match.1 }}` or `{{ match.name }}` a group of `matches`. A
value may pass one filter: `words N`, `lines N`, `sentences N` keep the first N; `count_words`, `upper`, `lower` and
`json` take no number.

`error` fails the call with that HTTP `status` (429, 500, 401, ...; 0 is a connection that fails); with `after_tokens`
the stream breaks off in the middle instead. `finish_reason: content_filter` marks a reply that was held back.

What a scripted model says depends on the conversation and the attempt alone, never on what it said to others or before:
a step that is run again after a crash gets the same reply.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, model_validator

from engine.domain.definition import Model
from engine.domain.durations import Duration
from engine.executors.prices import Price

Count = Annotated[int, Field(ge=0)]


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"this is not a regular expression: {error}") from error
    return pattern


class When(Model):
    contains: str | None = None
    matches: Annotated[str, AfterValidator(_compiles)] | None = None
    system: str | None = None
    after_tool: str | None = None
    call: Annotated[int, Field(ge=1)] | None = None
    attempts: tuple[int, ...] | None = None


class ScriptedUsage(Model):
    input_tokens: Count | None = None
    output_tokens: Count | None = None


class ScriptedToolCall(Model):
    name: str
    args: dict[str, Any] = Field(default={})


class ScriptedError(Model):
    status: Annotated[int, Field(ge=0, le=599)] = 500
    message: str | None = None
    retry_after: Duration | None = None
    after_tokens: Count | None = None


class ScriptedReply(Model):
    """At least one of `reply`, `tool_calls` and `error`."""

    when: When = When()
    reply: Any = None
    tool_calls: tuple[ScriptedToolCall, ...] = ()
    error: ScriptedError | None = None
    delay: Duration | None = None
    usage: ScriptedUsage | None = None
    finish_reason: Literal["stop", "tool_calls", "length", "content_filter"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "ScriptedReply":
        if self.reply is None and not self.tool_calls and self.error is None:
            raise ValueError("a reply needs `reply`, `tool_calls` or `error`")
        return self


class Script(Model):
    """What one scripted model says."""

    replies: Annotated[tuple[ScriptedReply, ...], Field(min_length=1)]
    delay: Duration | None = None
    chunk_delay: Duration | None = None
    usage: ScriptedUsage = ScriptedUsage()
    price: Price | None = None


class _ScriptFile(Model):
    models: dict[str, Script]


def parse_scripts(text: str) -> dict[str, Script]:
    """Scripts by model name. Raises yaml.YAMLError, or pydantic's ValidationError with the offending path."""
    return _ScriptFile.model_validate(yaml.safe_load(text)).models


def load_scripts(path: Path) -> dict[str, Script]:
    """As `parse_scripts`; raises OSError too."""
    return parse_scripts(path.read_text(encoding="utf-8"))


def scripted_prices(scripts: Mapping[str, Script]) -> dict[str, Price]:
    """The prices that scripts state, for `Prices`."""
    return {f"scripted:{name}": script.price for name, script in scripts.items() if script.price is not None}
