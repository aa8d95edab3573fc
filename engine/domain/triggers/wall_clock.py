"""Between what a clock on the wall shows and the instant it shows it at. Instants are UTC; walls are without zone."""

from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_SECOND = timedelta(seconds=1)
_NOT_IANA = (
    "localtime",
    "posixrules",
    "posix/",
    "right/",
)  # files beside the zones: a machine's own, and other ways to count


def zone_of(name: str) -> ZoneInfo:
    """Raises ValueError for what is not the name of an IANA zone."""
    try:
        if not name.startswith(_NOT_IANA):
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass  # no such file, no name of a file, and a folder (`Europe`): the same to whoever wrote it
    known = [zone for zone in available_timezones() if not zone.startswith(_NOT_IANA)]
    near = get_close_matches(name, known, n=1)
    raise ValueError(f"{name!r} is not an IANA time zone" + (f"; did you mean {near[0]}?" if near else ""))


def wall_at(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """When the clock shows this: not at all where it was put forward over it, twice where it was put back, else once."""
    first, second = _instant(wall, zone, fold=0), _instant(wall, zone, fold=1)
    if first == second:
        return (first,)
    return (first, second) if first < second else ()


def end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clock was put forward over `wall`, which it therefore never shows."""
    early, late = _instant(wall, zone, fold=1), _instant(wall, zone, fold=0)
    before = offset(early, zone)
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        if offset(middle, zone) == before:
            early = middle
        else:
            late = middle
    return late


def put_back_soon(instant: datetime, zone: ZoneInfo) -> timedelta:
    """By how much the clock will be put back, where what it shows at `instant` is near enough to be shown again. Else nothing."""
    now = offset(instant, zone)
    by = max(now - offset(instant + timedelta(days=1), zone), timedelta(0))
    return by if offset(instant + by, zone) != now else timedelta(0)


def offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _instant(wall: datetime, zone: ZoneInfo, *, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
