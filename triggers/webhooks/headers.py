"""Headers as the signature schemes read them."""

import re
from collections.abc import Iterable, Mapping

from triggers.webhooks.refusal import BadSignature, Refusal


def received(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-cased name. The values of a repeated header are joined (RFC 9110, 5.3), so that two are never taken for one."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def read(headers: Mapping[str, str], name: str, form: re.Pattern[str]) -> re.Match[str]:
    """The header's value, which has the form. Raises `BadSignature`."""
    value = headers.get(name)
    if value is None:
        raise BadSignature(Refusal.MISSING, f"{name} is missing")
    if not value.isascii():
        raise BadSignature(Refusal.NOT_ASCII, f"{name} is not ASCII")
    match = form.fullmatch(value)
    if match is not None:
        return match
    parts = [part.strip() for part in value.split(",")]
    if len(parts) > 1 and all(form.fullmatch(part) for part in parts):
        raise BadSignature(Refusal.SEVERAL, f"{name} has {len(parts)} values")
    raise BadSignature(Refusal.MALFORMED, f"{name} is not of the form {form.pattern}")
