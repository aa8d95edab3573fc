"""The wire format of protocol buffers, as far as serialised expressions need it."""

from typing import Any

Message = dict[int, list[Any]]
"""Field number -> its values, in order: whole numbers, or bytes for all that has a length."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(raw: bytes) -> Message:
    found: Message = {}
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        value: int | bytes
        if tag & 7 == _VARINT:
            value, at = _varint(raw, at)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}.get(tag & 7)
            if length is None:
                length, at = _varint(raw, at)
            value, at = raw[at : at + length], at + length
        found.setdefault(tag >> 3, []).append(value)
    return found


def encoded(message: Message) -> bytes:
    """The reverse, for messages without numbers of fixed width."""
    return b"".join(_field(number, value) for number, values in message.items() for value in values)


def text(message: Message, field: int) -> str:
    return message[field][0].decode() if field in message else ""


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _as_varint(number << 3 | _VARINT) + _as_varint(value)
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(value)) + value


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at
        shift += 7


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))
