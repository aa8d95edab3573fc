"""JSON in and out, quickly; what the quick library cannot do goes the slow way."""

import json
import re
from datetime import datetime
from functools import partial
from math import isfinite
from typing import Any

import orjson

from graphql_api.transports.json_size import check_values
from graphql_api.transports.refusal import bad_request
from graphql_api.types.scalars import write_date_time

_WIDE_NUMBER = re.compile(rb"[0-9]{19}")


def read_json(text: bytes | str) -> Any:
    """Raises `RequestRefused`. A lone surrogate, which orjson refuses without saying where, and an integer beyond 64
    bits, of which it would make a float, are let through as they are: the checks of the inputs name the field.
    """
    encoded = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    check_values(encoded)
    try:
        value = orjson.loads(encoded)
    except orjson.JSONDecodeError as error:
        if "surrogate" in str(error):
            return _read_slowly(encoded)
        raise bad_request(f"This is not JSON: {error}") from error
    return _read_slowly(encoded) if _WIDE_NUMBER.search(encoded) else value


def _read_slowly(encoded: bytes) -> Any:
    """By its own, Python's decoder would also take UTF-16."""
    try:
        return json.loads(encoded.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise bad_request(f"This is not JSON: {error}") from error


def write_json(value: Any) -> bytes:
    """Moments in UTC are written as the scalar DateTime writes them, as long as they have a fraction of a second. Lone
    surrogates, integers beyond 64 bits and nesting beyond 254 levels go the slow way; NaN and infinities become null.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_UTC_Z)
    except TypeError:
        return _written_slowly(value).encode()


def _written_slowly(value: Any) -> str:
    write = partial(json.dumps, separators=(",", ":"), allow_nan=False, default=_moment)
    try:
        return write(value)
    except ValueError:
        return write(_finite(value))


def _finite(value: Any) -> Any:
    match value:
        case dict():
            return {key: _finite(each) for key, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
        case float() if not isfinite(value):
            return None
    return value


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return write_date_time(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
