"""How many values JSON may have: read, each takes up to a hundred times the bytes that it takes as text."""

import re

from graphql_api.transports.refusal import refuse

MOST_VALUES = 200_000
_TEXT = re.compile(rb'"[^"]*"?')
_OTHERS = bytes(each for each in range(256) if each not in b'",[{')


def check_values(text: bytes) -> None:
    """Raises `RequestRefused`. Looks closer only where there is so much that it could matter; 8 MB take 0.2 s at worst."""
    if len(text) > MOST_VALUES and _separators(text) > MOST_VALUES and _values(text) > MOST_VALUES:
        raise refuse(413, "PAYLOAD_TOO_LARGE", f"The request has more than {MOST_VALUES:,} values")


def _values(text: bytes) -> int:
    """At least so many. Of two texts one may be the name of a member, and no value."""
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    texts = unescaped.count(b'"') // 2
    if texts > 2 * MOST_VALUES:
        return texts // 2
    with_separators = unescaped.translate(None, _OTHERS).replace(b'""', b"")
    return _separators(_TEXT.sub(b"", with_separators))


def _separators(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
