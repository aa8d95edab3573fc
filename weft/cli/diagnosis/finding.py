"""What `weft doctor` says of one thing."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`mend` says what to do about it."""

    name: str
    verdict: Verdict
    message: str
    mend: str | None = None


def good(name: str, message: str) -> Finding:
    return Finding(name=name, verdict=Verdict.GOOD, message=message)


def warning(name: str, message: str, mend: str) -> Finding:
    return Finding(name=name, verdict=Verdict.WARNING, message=message, mend=mend)


def bad(name: str, message: str, mend: str) -> Finding:
    return Finding(name=name, verdict=Verdict.BAD, message=message, mend=mend)
