"""How many values JSON may have: read, each takes up to a hundred times the bytes that it takes as text."""

import re

from graphql_api.transports.refusal import refuse

MOST_VALUES = 200_000
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


def check_values(text: bytes) -> None:
    """Raises `RequestRefused`. Commas and brackets are counted, in texts only where there are so many that it matters."""
    if len(text) > MOST_VALUES and _values(text) > MOST_VALUES and _values(_TEXTS.sub(b"", text)) > MOST_VALUES:
        raise refuse(413, "PAYLOAD_TOO_LARGE", f"The request has more than {MOST_VALUES:,} values")


def _values(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
