"""How a channel takes in an update."""

from collections.abc import Callable, Mapping
from typing import Any

Reducer = Callable[[Any, Any], Any]
"""Gives the new value out of the current one, which is None at first, and an update. Changes neither. Raises
`UpdateRefused`.
"""

REMOVE_ALL = "__remove_all__"


class UpdateRefused(Exception):
    """The update does not fit the reducer."""


def _append(current: Any, update: Any) -> Any:
    """A list is added item by item, anything else as one item."""
    return [*_list(current), *(update if isinstance(update, list) else [update])]


def _merge(current: Any, update: Any) -> Any:
    """The update's entries win; entries inside entries are not merged."""
    if not isinstance(update, dict) or not isinstance(current, dict | None):
        raise UpdateRefused(f"`merge` takes objects, not {_kind(update)} into {_kind(current)}")
    return {**(current or {}), **update}


def _add(current: Any, update: Any) -> Any:
    if current is None:
        return update
    for kind in ((int, float), str, list):
        if _is(current, kind) and _is(update, kind):
            return current + update
    raise UpdateRefused(f"`add` cannot add {_kind(update)} to {_kind(current)}")


def _max(current: Any, update: Any) -> Any:
    return update if current is None or _less(current, update) else current


def _min(current: Any, update: Any) -> Any:
    return update if current is None or _less(update, current) else current


def _messages(current: Any, update: Any) -> Any:
    """Appends messages (objects). One with the `id` of an earlier message replaces it; one of type `remove` removes it,
    or all with the id `__remove_all__`.
    """
    messages = _list(current)
    for message in update if isinstance(update, list) else [update]:
        if not isinstance(message, dict):
            raise UpdateRefused(f"`messages` takes objects with `role` and `content`, not {_kind(message)}")
        messages = _with_message(messages, message)
    return messages


def _with_message(messages: list[Any], message: dict[str, Any]) -> list[Any]:
    identifier = message.get("id")
    if message.get("type") == "remove":
        return [] if identifier == REMOVE_ALL else [each for each in messages if each.get("id") != identifier]
    if identifier is not None and any(each.get("id") == identifier for each in messages):
        return [message if each.get("id") == identifier else each for each in messages]
    return [*messages, message]


REPLACE = "replace"
REDUCERS: Mapping[str, Reducer | None] = {
    REPLACE: None,
    "append": _append,
    "merge": _merge,
    "add": _add,
    "max": _max,
    "min": _min,
    "messages": _messages,
}
"""None: the update is the new value, and only one node may give one at a time."""

TAKES: Mapping[str, frozenset[str]] = {
    "append": frozenset({"array"}),
    "merge": frozenset({"object"}),
    "messages": frozenset({"array"}),
    "add": frozenset({"number", "integer", "string", "array"}),
    "max": frozenset({"number", "integer", "string"}),
    "min": frozenset({"number", "integer", "string"}),
}
"""The types of channel that a reducer makes sense for."""

_INITIAL: Mapping[str, Callable[[], Any]] = {"append": list, "messages": list, "merge": dict}


def initial_value(channel: Mapping[str, Any]) -> Any:
    """What a channel holds before anything is written: its `default`, else something empty, else null."""
    if "default" in channel:
        return channel["default"]
    empty = _INITIAL.get(channel.get("reduce", REPLACE))
    return empty() if empty else None


def reduced(channel: Mapping[str, Any], current: Any, update: Any) -> Any:
    """Raises `UpdateRefused`."""
    reducer = REDUCERS[channel.get("reduce", REPLACE)]
    return update if reducer is None else reducer(current, update)


def _list(current: Any) -> list[Any]:
    if current is None:
        return []
    if not isinstance(current, list):
        raise UpdateRefused(f"the channel holds {_kind(current)}, not a list")
    return current


def _less(one: Any, other: Any) -> bool:
    for kind in ((int, float), str):
        if _is(one, kind) and _is(other, kind):
            return bool(one < other)
    raise UpdateRefused(f"{_kind(one)} and {_kind(other)} cannot be compared")


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    names: Mapping[type, str] = {
        bool: "a boolean",
        str: "text",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)
