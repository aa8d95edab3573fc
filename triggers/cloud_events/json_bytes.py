"""JSON as others send it: what is not JSON is told from what is JSON that nobody can store."""

import json
import re
from typing import Any, NoReturn

import orjson

from engine.domain.errors import Path, Problem, ValidationFailed
from engine.domain.json_values import MAX_DEPTH

_WIDE_NUMBER = re.compile(rb"[0-9]{19}")
"""The least that is too wide, -2^63 - 1, has as many digits. orjson makes a float of it."""
_MOST_DIGITS = 25
_TOO_WIDE = 1 << 64


def read_json(text: bytes, path: Path = ()) -> Any:
    """Raises `ValueError` for what is not JSON in UTF-8, and `ValidationFailed` where it is nested too deep to be read. A lone
    surrogate, a number that is infinite and an integer beyond 64 bits are let through, for `json_problems` to name the place.
    """
    if not _WIDE_NUMBER.search(text):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return _read_slowly(text, path)
    return _read_slowly(text, path)


def _read_slowly(text: bytes, path: Path) -> Any:
    """By its own, Python's decoder would also take UTF-16 and NaN."""
    try:
        return json.loads(text.decode(), parse_int=_integer, parse_constant=_refuse)
    except RecursionError as error:
        message = f"the value is nested more than {MAX_DEPTH} levels deep"
        raise ValidationFailed([Problem(message=message, path=path)]) from error


def _integer(digits: str) -> int:
    """Python refuses to read some thousands of digits; that a number is too wide can be seen without."""
    return int(digits) if len(digits) <= _MOST_DIGITS else _TOO_WIDE


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
