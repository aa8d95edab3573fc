"""Durations as people write them (`500ms`, `10s`, `5m`, `2h`, `7d`) and as ISO 8601 (`PT30S`)."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SHORT = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)", re.ASCII)
_ISO = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LONGEST = timedelta(days=3660)
PATTERN = r"^(\d+(\.\d+)?(ms|s|m|h|d|w)|P.+|\$\{.*\})$"


def parse_duration(text: str) -> timedelta:
    """Raises ValueError for anything but a duration between 0 and ten years. Months and years have no fixed length."""
    short = _SHORT.fullmatch(text)
    iso = None if short else _ISO.fullmatch(text)
    if short:
        seconds = float(short[1]) * _SECONDS[short[2]]
    elif iso and any(iso.groups()):
        weeks, days, hours, minutes, rest = (float(part or 0) for part in iso.groups())
        seconds = weeks * 604800 + days * 86400 + hours * 3600 + minutes * 60 + rest
    else:
        raise ValueError(f"{text!r} is not a duration: write 500ms, 10s, 5m, 2h, 7d or ISO 8601 such as PT30S")
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is longer than {_LONGEST.days} days")
    return timedelta(seconds=seconds)


def iso_duration(duration: timedelta) -> str:
    """ISO 8601 in hours, minutes and seconds, such as PT1H30M or PT0.5S."""
    micros = duration // timedelta(microseconds=1)
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, micros = divmod(micros, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{micros:06d}".rstrip("0") if micros else ""
    parts = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    parts += f"{seconds}{fraction}S" if seconds or fraction or not parts else ""
    return f"{sign}PT{parts}"


def _validated(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else _refuse(value)


def _refuse(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    raise ValueError(f"{value!r} is not a duration: write a string such as 10s")


Duration = Annotated[
    timedelta,
    BeforeValidator(_validated),
    PlainSerializer(iso_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["500ms", "10s", "5m", "2h", "7d", "PT30S"]}),
]
