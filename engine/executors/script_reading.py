"""Chooses what a script says in a conversation, and fills it in."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from engine.executors.script import Script, ScriptedReply, When

_PLACEHOLDER = re.compile(r"\{\{\s*(?P<name>\w+(?:\.\w+)?)\s*(?:\|\s*(?P<filter>\w+)(?:\s+(?P<count>\d+))?\s*)?\}\}")
_SENTENCE = re.compile(r"[^.!?]*[.!?]+\s*|[^.!?]+$")


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """What `when` and placeholders look at. `after_tool` is the tool whose result is the last message, if one is."""

    prompt: str
    system: str
    tool_result: str
    after_tool: str | None
    call: int
    attempt: int


class NothingScripted(LookupError):
    """No reply of the script fits the conversation."""


class BadPlaceholder(ValueError):
    """A `{{ }}` names nothing, or a filter that does not exist."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The chosen reply with its placeholders filled in. `text` is JSON where the script says an object."""

    reply: ScriptedReply
    text: str
    tool_calls: tuple[tuple[str, dict[str, Any]], ...]


def read(script: Script, conversation: Conversation) -> Reading:
    """Raises `NothingScripted` or `BadPlaceholder`."""
    for reply in script.replies:
        match = _holds(reply.when, conversation)
        if match is not None:
            return _filled(reply, _values(conversation, match))
    raise NothingScripted(f"no scripted reply fits the prompt {conversation.prompt[:200]!r}")


def words(text: str) -> list[str]:
    """The tokens of scripted models: every word with the white space behind it."""
    return re.findall(r"^\s+|\S+\s*", text)


def _holds(when: When, conversation: Conversation) -> Mapping[str, str] | None:
    """The groups of `matches`, by number and name; None if the condition does not hold."""
    conditions = (
        when.contains is None or when.contains.lower() in conversation.prompt.lower(),
        when.system is None or when.system.lower() in conversation.system.lower(),
        when.after_tool is None or when.after_tool == conversation.after_tool,
        when.call is None or when.call == conversation.call,
        when.attempts is None or conversation.attempt in when.attempts,
    )
    if not all(conditions):
        return None
    if when.matches is None:
        return {}
    match = re.search(when.matches, conversation.prompt)
    if match is None:
        return None
    numbered = {str(number): group or "" for number, group in enumerate((match[0], *match.groups()))}
    return numbered | {name: group or "" for name, group in match.groupdict().items()}


def _values(conversation: Conversation, match: Mapping[str, str]) -> Mapping[str, str]:
    values = {name: str(getattr(conversation, name)) for name in ("prompt", "system", "tool_result", "call")}
    return values | {f"match.{name}": group for name, group in match.items()}


def _filled(reply: ScriptedReply, values: Mapping[str, str]) -> Reading:
    said = _rendered(reply.reply, values)
    text = said if isinstance(said, str) else "" if said is None else json.dumps(said, ensure_ascii=False)
    calls = tuple((call.name, _rendered(call.args, values)) for call in reply.tool_calls)
    return Reading(reply=reply, text=text, tool_calls=calls)


def _rendered(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda placeholder: _placed(placeholder, values), value)
    if isinstance(value, list):
        return [_rendered(entry, values) for entry in value]
    if isinstance(value, dict):
        return {key: _rendered(entry, values) for key, entry in value.items()}
    return value


def _placed(placeholder: re.Match[str], values: Mapping[str, str]) -> str:
    name, filter_, count = placeholder["name"], placeholder["filter"], placeholder["count"]
    if name not in values:
        raise BadPlaceholder(f"{placeholder[0]} names nothing; there are {', '.join(sorted(values))}")
    if filter_ is None:
        return values[name]
    if count is None and filter_ in _FILTERS:
        return _FILTERS[filter_](values[name])
    if count is not None and filter_ in _CUTS:
        return "".join(_CUTS[filter_](values[name])[: int(count)]).rstrip()
    raise BadPlaceholder(
        f"{placeholder[0]} has no such filter: write {', '.join(_CUTS)} with a number, or {', '.join(_FILTERS)}"
    )


_CUTS: Mapping[str, Callable[[str], Sequence[str]]] = {
    "words": words,
    "lines": lambda text: text.splitlines(keepends=True),
    "sentences": _SENTENCE.findall,
}
_FILTERS: Mapping[str, Callable[[str], str]] = {
    "count_words": lambda text: str(len(text.split())),
    "upper": str.upper,
    "lower": str.lower,
    "json": lambda text: json.dumps(text, ensure_ascii=False),
}
