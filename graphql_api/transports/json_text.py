"""JSON in and out, quickly; what the quick library cannot do goes the slow way."""

import json
from typing import Any

import orjson

from graphql_api.transports.refusal import bad_request


def read_json(text: bytes | str) -> Any:
    """Raises `RequestRefused`. A lone surrogate, which orjson refuses without saying where, is let through: the checks
    of the inputs name the field that has it.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if "surrogate" in str(error):
            return _read_slowly(text)
        raise bad_request(f"This is not JSON: {error}") from error


def _read_slowly(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad_request(f"This is not JSON: {error}") from error


def write_json(value: Any) -> bytes:
    """Lone surrogates, integers beyond 64 bits and nesting beyond 254 levels go the slow way; NaN and infinities become
    null.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
