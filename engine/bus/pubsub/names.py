"""How topics, groups and listeners are called in Pub/Sub, and what it accepts."""

import re
import secrets
from collections.abc import Mapping

from engine.domain.errors import BadRequest, PayloadTooLarge

ORIGIN = "weft-origin"
"""Attribute: the bus that published a message. Readers never see it."""
MESSAGE_LIMIT = 10_000_000
"""Bytes of one publish request, by the service's quotas."""
_OVERHEAD = 200
"""Bytes of a request beside its message: the topic's name and the framing, generously."""
_KEY_LIMIT, _VALUE_LIMIT, _ATTRIBUTES_LIMIT = 256, 1024, 100
_FILTER_LIMIT = 256
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_TOPIC = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}")


def consumer_subscription(topic: str, group: str) -> str:
    return f"{topic}.{group}"


def listener_subscription(topic: str) -> str:
    return f"{topic}.listen.{secrets.token_hex(8)}"


def check_topic(topic: str) -> None:
    if not _TOPIC.fullmatch(topic):
        raise BadRequest(
            f"{topic!r} cannot name a topic: 3 to 255 letters, digits or -._~+%, a letter first, not goog..."
        )


def checked_attributes(attributes: Mapping[str, str]) -> int:
    """Their size in bytes. Raises `BadRequest` for what the service refuses; its emulator accepts anything."""
    if len(attributes) >= _ATTRIBUTES_LIMIT:  # one is ours
        raise BadRequest(f"{len(attributes)} attributes; a message has at most {_ATTRIBUTES_LIMIT - 1}")
    size = 0
    for key, value in attributes.items():
        key_size, value_size = len(key.encode()), len(value.encode())
        if not 0 < key_size <= _KEY_LIMIT or key.startswith("goog"):
            raise BadRequest(f"{key[:64]!r} cannot name an attribute: 1 to {_KEY_LIMIT} bytes, not beginning with goog")
        if value_size > _VALUE_LIMIT:
            raise BadRequest(f"the attribute {key!r} has {value_size} bytes; at most {_VALUE_LIMIT} are allowed")
        size += key_size + value_size
    return size


def checked_size(body: bytes, attributes: Mapping[str, str]) -> int:
    """The message's bytes. Raises `BadRequest`, `PayloadTooLarge`."""
    size = len(body) + checked_attributes(attributes)
    if size > MESSAGE_LIMIT - _OVERHEAD:
        raise PayloadTooLarge(f"the message has {size:,} bytes; Pub/Sub takes at most {MESSAGE_LIMIT - _OVERHEAD:,}")
    return size


def listener_filter(only: Mapping[str, str], origin: str) -> str:
    """What a listener's subscription lets through: `only`, and nothing of this bus, which its listeners have been given already.

    A filter has at most 256 bytes; conditions that do not fit are left out, as they are checked on arrival too.
    """
    found = f"NOT attributes.{ORIGIN} = {_quoted(origin)}"
    for key, value in only.items():
        name = key if _PLAIN_KEY.fullmatch(key) else _quoted(key)
        longer = f"{found} AND attributes.{name} = {_quoted(value)}"
        if len(longer.encode()) <= _FILTER_LIMIT:
            found = longer
    return found


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
