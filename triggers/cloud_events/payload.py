"""Bytes become the event's data: any JSON value, and base64 for what is neither JSON nor text."""

import re
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs

from engine.domain.errors import PayloadTooLarge, Problem, ValidationFailed
from triggers.cloud_events.json_bytes import read_json

OCTETS = "application/octet-stream"
_FORM = "application/x-www-form-urlencoded"
_JSON = re.compile(r"(application|text)/json|[^/]+/[^/]+\+json")
_TEXT = re.compile(
    r"text/[^/]+|[^/]+/[^/]+\+(xml|yaml)|application/(xml|yaml|x-yaml|toml|javascript|graphql|x-ndjson|ndjson|jsonl|sql)"
)
_MOST_FIELDS = 1_000
_DATA = ("data",)


def as_found(body: bytes) -> tuple[Any, str | None]:
    """The data and its content type where nobody said what it is: JSON if it is JSON, else text if it is text, else base64, which alone
    gets a content type. Text is UTF-8 without NUL. Nothing is None.
    """
    if not body:
        return None, None
    try:
        return read_json(body, _DATA), None
    except ValueError:
        text = _text(body)
    return (text, None) if text is not None else (_base64(body), OCTETS)


def by_type(body: bytes, content_type: str | None) -> tuple[Any, str | None]:
    """The data and its content type, which is the given one, save for what claims to be text and is none. A form becomes an object; a
    name that comes several times has a list. Raises `ValidationFailed` for JSON and forms that are none.
    """
    if not content_type:
        return as_found(body)
    if not body:
        return None, content_type
    media = _media_type(content_type)
    if _JSON.fullmatch(media):
        return _json(body), content_type
    if media == _FORM:
        return _form(body), content_type
    if not _TEXT.fullmatch(media):
        return _base64(body), content_type
    text = _text(body)
    return (text, content_type) if text is not None else (_base64(body), OCTETS)


def is_octets(content_type: str | None) -> bool:
    """Whether `by_type` makes base64 of whatever has this type."""
    media = _media_type(content_type or "application/json")
    return not (_JSON.fullmatch(media) or _TEXT.fullmatch(media) or media == _FORM)


def check_size(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise PayloadTooLarge(f"the data has {size:,} bytes: at most {limit:,} are taken", path=_DATA)


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _json(body: bytes) -> Any:
    try:
        return read_json(body, _DATA)
    except ValueError as error:
        raise ValidationFailed([Problem(message=f"the data is not JSON: {error}", path=_DATA)]) from error


def _form(body: bytes) -> dict[str, Any]:
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise ValidationFailed([Problem(message=f"the data is not a form: {error}", path=_DATA)]) from error
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def _text(body: bytes) -> str | None:
    try:
        return None if b"\0" in body else body.decode()
    except UnicodeDecodeError:
        return None


def _base64(body: bytes) -> str:
    return b64encode(body).decode()
