"""What user code returns, as JSON.

| Python | JSON |
|---|---|
| None, bool, str, float, int of 64 bits | the same; NaN, infinities, NUL and lone surrogates are refused |
| list, tuple, deque | array |
| set, frozenset | array, sorted where its members can be compared |
| dict and other mappings | object; keys are strings, integers, enum members, UUIDs or dates |
| dataclass, msgspec Struct, pydantic model (by alias) | object |
| enum member | its value |
| datetime, date, time | ISO 8601; timedelta as a duration, `PT1M30S` |
| UUID, Decimal, path | string |
| bytes, bytearray, memoryview | base64 string |

Anything else is refused: a result that means something else after it was stored would be a bug that shows late.
"""

import base64
import dataclasses
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import msgspec
from pydantic import BaseModel

from engine.domain.durations import iso_duration
from engine.domain.errors import Path
from engine.domain.json_values import MAX_DEPTH, text_problem

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
"""Clients and encoders keep 64 bits."""


class NotJson(ValueError):
    """`path` leads to the offending part."""

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(f"{message}, at {'.'.join(path)}" if path else message)
        self.message = message
        self.path = path

    def under(self, segment: str) -> "NotJson":
        return NotJson(self.message, (segment, *self.path))


def to_json(value: Any, depth: int = 0) -> Any:
    """`value` out of None, bool, int, float, str, list and dict alone. Raises `NotJson`."""
    convert = _CONVERSIONS.get(type(value))
    if convert is not None:
        return convert(value, depth)
    for kind, convert in _CONVERSIONS_OF_SUBCLASSES:
        if isinstance(value, kind):
            return convert(value, depth)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _object({field.name: getattr(value, field.name) for field in dataclasses.fields(value)}, depth)
    raise NotJson(f"a value of type {type(value).__name__} cannot be turned into JSON")


def _same(value: Any, _depth: int) -> Any:
    return value


def _int(value: int, _depth: int) -> int:
    if not _SMALLEST <= value <= _LARGEST:
        raise NotJson("an integer beyond 64 bits cannot be stored; return it as a string")
    return int(value)


def _float(value: float, _depth: int) -> float:
    if not math.isfinite(value):
        raise NotJson(f"{value} is no JSON number")
    return float(value)


def _str(value: str, _depth: int) -> str:
    problem = text_problem(value)
    if problem is not None:
        raise NotJson(problem.message)
    return str(value)


def _array(value: Iterable[Any], depth: int) -> list[Any]:
    _check(depth)
    result: list[Any] = []
    try:
        for entry in value:
            result.append(to_json(entry, depth + 1))  # noqa: PERF401 - its length tells where a failure was
    except NotJson as error:
        raise error.under(str(len(result))) from None
    return result


def _set(value: AbstractSet[Any], depth: int) -> list[Any]:
    try:
        members = sorted(value)
    except TypeError:
        members = list(value)
    return _array(members, depth)


def _object(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    _check(depth)
    result: dict[str, Any] = {}
    for key, entry in value.items():
        name = _key(key)
        if name in result:
            raise NotJson(f"two keys become the same name {name!r}")
        try:
            result[name] = to_json(entry, depth + 1)
        except NotJson as error:
            raise error.under(name) from None
    return result


def _check(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise NotJson(f"the value is nested deeper than {MAX_DEPTH} levels, or contains itself")


def _key(key: Any) -> str:
    plain = key.value if isinstance(key, Enum) else key
    if isinstance(plain, str):
        return _str(plain, 0)
    if isinstance(plain, int | UUID | date) and not isinstance(plain, bool):
        return plain.isoformat() if isinstance(plain, date) else str(plain)
    raise NotJson(f"a key of type {type(key).__name__} cannot be a name in JSON")


def _bytes(value: bytes | bytearray | memoryview, _depth: int) -> str:
    return base64.b64encode(value).decode()


def _text_of(value: Any, _depth: int) -> str:
    return _str(str(value), 0)


def _iso(value: date | time, _depth: int) -> str:
    return value.isoformat()


def _duration(value: timedelta, _depth: int) -> str:
    return iso_duration(value)


def _enum(value: Enum, depth: int) -> Any:
    return to_json(value.value, depth)


def _model(value: BaseModel, depth: int) -> Any:
    # Python mode, and then our own rules: pydantic's JSON mode would let NaN through.
    return to_json(value.model_dump(mode="python", by_alias=True), depth)


def _struct(value: msgspec.Struct, depth: int) -> dict[str, Any]:
    return _object({field.encode_name: getattr(value, field.name) for field in msgspec.structs.fields(value)}, depth)


_Conversion = Callable[[Any, int], Any]

_CONVERSIONS: Mapping[type, _Conversion] = {
    type(None): _same,
    bool: _same,
    int: _int,
    float: _float,
    str: _str,
    list: _array,
    tuple: _array,
    dict: _object,
}

_CONVERSIONS_OF_SUBCLASSES: tuple[tuple[Any, _Conversion], ...] = (
    (Enum, _enum),
    (BaseModel, _model),
    (msgspec.Struct, _struct),
    (str, _str),
    (int, _int),
    (float, _float),
    (Mapping, _object),
    ((list, tuple, deque), _array),
    (AbstractSet, _set),
    ((bytes, bytearray, memoryview), _bytes),
    ((date, time), _iso),
    (timedelta, _duration),
    ((UUID, Decimal, PurePath), _text_of),
)
