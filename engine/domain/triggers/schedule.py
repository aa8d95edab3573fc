"""When a schedule fires. Pure: the same source, the same times, on every machine and however often they are asked for."""

import hashlib
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, takewhile
from zoneinfo import ZoneInfo

from engine.domain.triggers.cron import Cron, parse_cron
from engine.domain.triggers.trigger import ScheduleSource
from engine.domain.triggers.wall_clock import end_of_gap, instants, put_back_soon, wall_at, zone_of

RESOLUTION = timedelta(microseconds=1)
# Beyond these, a zone's offset leads out of the calendar.
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 28, tzinfo=UTC)


def fires(source: ScheduleSource, after: datetime, *, anchor: datetime) -> Iterator[datetime]:
    """The scheduled times, in UTC, strictly after `after`, ascending and lazily; without jitter.

    `every` counts from `start_at`, or else from `anchor`, the trigger's creation, in both directions: the next time never depends on
    when the last one was handled. The source is one in which `schedule_problems` finds none, but one that never fires has no
    times, and comes to an end.

    Raises: ValueError for a cron expression or a zone that has no meaning.
    """
    if source.start_at is not None:
        after = max(after, source.start_at - RESOLUTION)
    after, end = max(after.astimezone(UTC), _FIRST), source.end_at or _LAST
    if source.every is not None:
        times = _by_interval(source.every, source.start_at or anchor, after)
    else:
        times = _by_cron(parse_cron(source.cron or ""), zone_of(source.timezone), after)
    return takewhile(lambda time: time < min(end, _LAST), times)


def jittered(trigger_id: str, time: datetime, jitter: timedelta) -> datetime:
    """`time` put off by less than `jitter`: by the same for the same trigger and time, and evenly spread over all of them."""
    seed = f"{trigger_id}\x1f{time.astimezone(UTC).isoformat()}"
    drawn = int.from_bytes(hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest()[:8])
    return time + ((jitter // RESOLUTION * drawn) >> 64) * RESOLUTION


def _by_interval(every: timedelta, start: datetime, after: datetime) -> Iterator[datetime]:
    start = start.astimezone(UTC)
    time = start + ((after - start) // every) * every
    while every < _LAST - time:
        time += every
        yield time


def _by_cron(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    if after >= _LAST:
        return iter(())
    times = _by_the_clock(cron, zone, after) if cron.every_hour else _by_the_day(cron, zone, after)
    return dropwhile(lambda time: time <= after, times)


def _by_the_clock(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Whenever the clock shows it: what is shown twice counts twice, what is not shown does not count. So distances stay what they are."""
    again: deque[datetime] = deque()
    for wall in _walls(cron, wall_at(after, zone) - put_back_soon(after, zone)):
        shown = instants(wall, zone)
        while again and shown and again[0] < shown[0]:
            yield again.popleft()
        yield from shown[:1]
        again.extend(shown[1:])
    yield from again


def _by_the_day(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Once for each time of the day: at the first of two, and at the end of the gap that swallowed it."""
    last = after
    for wall in _walls(cron, wall_at(after, zone)):
        shown = instants(wall, zone)
        time = shown[0] if shown else end_of_gap(wall, zone)
        if time > last:
            yield time
            last = time


def _walls(cron: Cron, after: datetime) -> Iterator[datetime]:
    last = _LAST.replace(tzinfo=None)
    return takewhile(lambda wall: wall < last, cron.after(after))
