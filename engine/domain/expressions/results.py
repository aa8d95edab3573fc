"""Turns what CEL gives into plain JSON."""

import base64
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]  # it has stubs, but no py.typed marker

from engine.domain.durations import iso_duration
from engine.domain.expressions.failure import in_plain_words

DEEPEST = 200
_OPTIONAL = "the result holds an optional value: use orValue(...)"


class NotJson(Exception):
    """The result has no JSON form, or is an error."""


def opened(value: cel.Value, *, optionals: bool) -> Any:
    """The JSON form of a result. Raises NotJson.

    The library's `plain_value()` ends the process (segmentation fault) on an optional inside a map. So where there may
    be any, values are opened one level at a time, which is slower.
    """
    if value.type() == cel.Type.ERROR:
        raise NotJson(_error(value))
    return as_json(_unfolded(value, 0) if optionals else value.plain_value())


def as_json(value: Any, depth: int = 0) -> Any:
    """Raises NotJson. Keys are sorted, since CEL's maps have another order in every process."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if depth > DEEPEST:
        raise NotJson(f"the result is nested more than {DEEPEST} levels deep")
    if kind is list:
        return [as_json(item, depth + 1) for item in value]
    if kind is dict:
        return {key: as_json(value[key], depth + 1) for key in sorted(map(_key, value))}
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case float() if isfinite(value):
            return value
        case float():
            raise NotJson(f"the result holds {value}, which is not JSON")
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case timedelta():
            return iso_duration(value)
    raise NotJson("the result holds a value that is not JSON")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotJson(f"the result has the key {key!r}, and JSON keys are text")
    return key


def _error(value: cel.Value) -> str:
    try:
        return in_plain_words(str(value.plain_value()))
    except TypeError:  # an optional has the type ERROR too, but no plain value
        return _OPTIONAL


def _unfolded(value: cel.Value, depth: int) -> Any:
    if value.type() == cel.Type.ERROR:
        raise NotJson(_OPTIONAL)
    if depth > DEEPEST:
        raise NotJson(f"the result is nested more than {DEEPEST} levels deep")
    inner = value.value()
    if isinstance(inner, list):
        return [_unfolded(item, depth + 1) for item in inner]
    if isinstance(inner, dict):
        return {key: _unfolded(item, depth + 1) for key, item in inner.items()}
    return inner
