"""JSON in and out, quickly; what the quick library cannot do goes the slow way."""

import json
import re
from typing import Any

import orjson

from graphql_api.transports.json_size import check_values
from graphql_api.transports.refusal import bad_request

_WIDE_NUMBER = re.compile(rb"[0-9]{20}")


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
    """Lone surrogates, integers beyond 64 bits and nesting beyond 254 levels go the slow way; NaN and infinities become
    null.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
