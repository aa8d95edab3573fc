"""What is wrong with a schedule, said when it is made and not when it should fire."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import msgspec

from engine.domain.durations import iso_duration
from engine.domain.errors import Problem
from engine.domain.triggers.cron import parse_cron
from engine.domain.triggers.schedule import RESOLUTION, fires
from engine.domain.triggers.trigger import ScheduleSource
from engine.domain.triggers.wall_clock import zone_of

_SHORTEST = timedelta(seconds=1)
_DAY = timedelta(days=1)
_SAMPLE = 25  # times of a cron expression, between which the shortest distance is looked for
_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def schedule_problems(source: ScheduleSource, *, anchor: datetime | None = None) -> list[Problem]:
    """Everything that is wrong, each with the path of its field. `anchor` is when the trigger is made: with it, or with a
    `start_at`, it is also known whether a schedule ends before it has fired.
    """
    found = [*_rule(source), *_zone(source), *_range(source)]
    # What follows asks for times, which only a schedule has that is right so far.
    return found or [*_jitter(source), *_catch_up(source), *_emptiness(source, anchor)]


def _rule(source: ScheduleSource) -> Iterator[Problem]:
    if source.cron is None and source.every is None:
        yield Problem(message="a schedule needs `cron` or `every`", path=("cron",))
    if source.cron is not None and source.every is not None:
        yield Problem(message="a schedule has either `cron` or `every`, and not both", path=("every",))
    if source.every is not None and source.every < _SHORTEST:
        yield Problem(message=f"the shortest interval is 1 second, not {iso_duration(source.every)}", path=("every",))
    if source.cron is not None:
        yield from _cron(source.cron)


def _cron(text: str) -> Iterator[Problem]:
    try:
        cron = parse_cron(text)
    except ValueError as error:
        yield Problem(message=str(error), path=("cron",))
        return
    if cron.never_fires:
        yield Problem(message=f"{text!r} never fires: no such day comes in 50 years", path=("cron",))


def _zone(source: ScheduleSource) -> Iterator[Problem]:
    try:
        zone_of(source.timezone)
    except ValueError as error:
        yield Problem(message=str(error), path=("timezone",))


def _range(source: ScheduleSource) -> Iterator[Problem]:
    bounds = {"start_at": source.start_at, "end_at": source.end_at}
    local = [name for name, bound in bounds.items() if bound is not None and bound.tzinfo is None]
    yield from (Problem(message="a time needs its offset, such as Z or +02:00", path=(name,)) for name in local)
    if not local and source.start_at and source.end_at and source.end_at <= source.start_at:
        message = f"the end ({_said(source.end_at)}) is not after the start ({_said(source.start_at)})"
        yield Problem(message=message, path=("end_at",))


def _jitter(source: ScheduleSource) -> Iterator[Problem]:
    if source.jitter is None:
        return
    distance = source.every or _distance(source)
    if source.jitter < timedelta(0):
        yield Problem(message="jitter cannot be negative", path=("jitter",))
    elif distance is not None and source.jitter >= distance:
        message = f"the jitter ({iso_duration(source.jitter)}) has to be shorter than the time between two firings"
        yield Problem(message=f"{message}, which can be {iso_duration(distance)}", path=("jitter",))
    elif source.every is None and source.jitter > _DAY:
        yield Problem(message=f"the jitter can be a day at most, not {iso_duration(source.jitter)}", path=("jitter",))


def _distance(source: ScheduleSource) -> timedelta | None:
    """The shortest one between some times of a cron expression. There may be shorter ones elsewhere, but this one is real."""
    times = islice(fires(ScheduleSource(cron=source.cron), _SOME_TIME, anchor=_SOME_TIME), _SAMPLE)
    return min((later - earlier for earlier, later in pairwise(times)), default=None)


def _catch_up(source: ScheduleSource) -> Iterator[Problem]:
    if source.catch_up_window is not None and source.catch_up_window < timedelta(0):
        yield Problem(message="the window cannot be negative", path=("catch_up_window",))


def _emptiness(source: ScheduleSource, anchor: datetime | None) -> Iterator[Problem]:
    begins = [*([source.start_at - RESOLUTION] if source.start_at else []), *([anchor] if anchor else [])]
    if source.end_at is None or not begins:
        return
    endless = msgspec.structs.replace(source, end_at=None)
    first = next(fires(endless, max(begins), anchor=anchor or max(begins)), None)
    if first is not None and first >= source.end_at:
        message = f"nothing fires before the end ({_said(source.end_at)}): the first time would be {_said(first)}"
        yield Problem(message=message, path=("end_at",))


def _said(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
