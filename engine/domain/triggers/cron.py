"""Cron expressions: what a wall clock shows when it is time. Zones and their changes are no matter of this module."""

import re
from collections.abc import Iterator
from datetime import datetime

import msgspec
from cronsim import CronSim, CronSimError

_LONGEST = 256  # characters; far more than a person writes, and few enough to be looked at term by term
_PROBE = datetime(2000, 1, 1)  # noqa: DTZ001 (walls have no zone)
_DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LAST_BY_NAME = re.compile(rf"\b({'|'.join(_DAY_NAMES)})L\b")

_MACROS = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
_TAKES = {
    "second": "0-59",
    "minute": "0-59",
    "hour": "0-23",
    "day of month": "1-31, L (the last day) and LW (the last weekday)",
    "month": "1-12 and JAN-DEC",
    "day of week": "0-7 and SUN-SAT (0 and 7 are Sunday), 5L (the last Friday) and 5#2 (the second one)",
}


class Cron(msgspec.Struct, frozen=True, kw_only=True):
    """`fields` are six, as the library reads them. `every_hour` is whether no hour is left out. Where not `possible`, no month that
    is meant has a day that is meant.
    """

    fields: str
    every_hour: bool
    possible: bool

    def after(self, wall: datetime) -> Iterator[datetime]:
        """The times on a wall clock after `wall`, ascending. Ends where none comes within 50 years, and with the calendar."""
        if not self.possible:
            return
        try:
            yield from CronSim(self.fields, wall)
        except OverflowError:  # the year 9999 is over
            return

    @property
    def never_fires(self) -> bool:
        return next(self.after(_PROBE), None) is None


def parse_cron(text: str) -> Cron:
    """Raises ValueError, which names the field and the term, for what has no meaning. What has one, but never fires, is taken."""
    fields = _six_fields(text)
    joined = " ".join(fields)
    try:
        parsed = CronSim(joined, _PROBE)
    except CronSimError as error:
        bad = next(_bad_terms(fields), None)
        if bad is not None:
            raise ValueError(bad) from error
        # Each term is good by itself: what is wrong is that they never meet.
        return Cron(fields=joined, every_hour=False, possible=False)
    return Cron(fields=joined, every_hour=len(parsed.hours) == 24, possible=True)  # noqa: PLR2004


def _six_fields(text: str) -> list[str]:
    if len(text) > _LONGEST:
        raise ValueError(f"a cron expression has at most {_LONGEST} characters, and this one has {len(text):,}")
    written = text.strip().upper()
    if written.startswith("@") and written not in _MACROS:
        raise ValueError(f"{text!r} is none of {', '.join(_MACROS).lower()}")
    fields = _MACROS.get(written, written).split()
    if len(fields) == 5:  # noqa: PLR2004
        fields.insert(0, "0")
    if len(fields) != len(_TAKES):
        raise ValueError(f"{text!r} has {len(fields)} fields: 5 are needed, or 6 where the first one is the second")
    fields[5] = _LAST_BY_NAME.sub(lambda found: f"{_DAY_NAMES.index(found[1])}L", fields[5])
    return fields


def _bad_terms(fields: list[str]) -> Iterator[str]:
    for takes, field in zip(_TAKES, fields, strict=True):
        for term in field.split(","):
            if not _accepts(takes, term):
                yield f"{takes}: {_reason(takes, term)}"


def _accepts(field: str, term: str) -> bool:
    """The library says no more than which field is bad, and the same for days that never come: so it is asked for each term."""
    if not term:
        return False
    try:
        CronSim(" ".join(term if each == field else "*" for each in _TAKES), _PROBE)
    except CronSimError:
        return False
    return True


def _reason(field: str, term: str) -> str:
    if not term:
        return "a list has an empty place"
    if term == "?":
        return "? is not known here; write *"
    span, has_step, _ = term.partition("/")
    if has_step and _accepts(field, span):
        return f"the step of {term} is not a number above 0"
    start, _, end = span.partition("-")
    if end and _accepts(field, f"{end}-{start}"):
        return f"{span} goes downwards; write it as two ranges"
    return f"{term} is not possible; it takes {_TAKES[field]}"
