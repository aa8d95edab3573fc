"""Reads a response's body, never more than a limit, and makes a JSON value of it."""

import base64
import codecs
import zlib
from email.message import Message
from typing import Any

import httpx
import orjson

from engine.domain.json_values import depth_problem

_TEXT_TYPES = frozenset(
    {
        "application/xml",
        "application/javascript",
        "application/x-www-form-urlencoded",
        "application/x-ndjson",
        "application/yaml",
        "application/graphql",
    }
)
_NO_CHARSETS = frozenset(
    {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "utf-7", "undefined", "mbcs", "oem"}
)
"""Codecs of Python that are no charsets of HTTP; some take quadratic time."""

_AUTOMATIC_WINDOW = zlib.MAX_WBITS | 32
"""Recognises both gzip and zlib."""


class BodyTooLarge(Exception):
    def __init__(self, limit: int) -> None:
        super().__init__(f"the response is larger than {limit:,} bytes")


class BodyUnreadable(Exception):
    """The body is not what its headers say. `code` is the failure's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


async def read_body(response: httpx.Response, limit: int, *, truncate: bool = False) -> bytes:
    """The body, decompressed; the limit holds before and after decompression, while it is read.

    Raises `BodyTooLarge`, unless `truncate` asks for the beginning alone, and `BodyUnreadable`.
    """
    inflate = _inflater(response.headers.get("content-encoding", ""))
    body = bytearray()
    received = 0
    async for chunk in response.aiter_raw():
        received += len(chunk)
        body += chunk if inflate is None else _inflated(inflate, chunk, limit + 1 - len(body))
        if received > limit or len(body) > limit:
            if truncate:
                return bytes(body[:limit])
            raise BodyTooLarge(limit)
    if inflate is not None and received and not inflate.eof:
        raise BodyUnreadable("bad_content_encoding", "the compressed response ends too early")
    return bytes(body)


def body_value(body: bytes, content_type: str) -> Any:
    """JSON parsed, text as a string, anything else as `{"base64": "..."}`; null if there is no body. Raises
    `BodyUnreadable`.
    """
    header = Message()
    header["content-type"] = content_type or "application/octet-stream"
    kind = header.get_content_type()
    charset = header.get_content_charset()
    if not body:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        return _parsed(body)
    if charset or kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith("+xml"):
        return _text_or_base64(body, _charset(charset))
    if not content_type:
        return _text_or_base64(body, None)
    return _base64(body)


def excerpt(body: bytes, characters: int) -> str:
    """The beginning of a body for people, whatever it is."""
    return body.decode("utf-8", "replace").replace("\x00", "\ufffd")[:characters]


def _inflater(encoding: str) -> "zlib._Decompress | None":
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(_AUTOMATIC_WINDOW)
    raise BodyUnreadable("bad_content_encoding", f"the response is encoded as {encoding!r}, which was not asked for")


def _inflated(inflate: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    """At most `most` bytes: one more than is allowed, so that the caller sees the excess without ever holding it."""
    try:
        return inflate.decompress(chunk, most)
    except zlib.error as error:
        raise BodyUnreadable("bad_content_encoding", "the compressed response is damaged") from error


def _parsed(body: bytes) -> Any:
    try:
        value = orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        raise BodyUnreadable("invalid_json", f"the response says it is JSON, and is not: {error.msg}") from error
    problem = depth_problem(value)
    if problem is not None:
        raise BodyUnreadable("invalid_json", f"of the response, {problem.message}")
    return value


def _charset(given: str | None) -> str:
    try:
        name = codecs.lookup(given or "utf-8").name
        b"".decode(name)
    except LookupError:  # a charset that Python does not know, or one of its codecs that make no text
        return "utf-8"
    return "utf-8" if name in _NO_CHARSETS else name


def _text_or_base64(body: bytes, charset: str | None) -> Any:
    """Without a charset, text is what happens to be UTF-8. What holds NUL is no text, whatever it says."""
    try:
        text = body.decode(charset, "replace") if charset else body.decode()
    except UnicodeDecodeError:
        return _base64(body)
    return _base64(body) if "\0" in text else text.encode("utf-8", "replace").decode()


def _base64(body: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(body).decode()}
