"""When schedules fire: cron and intervals, bounds, zones' changes, jitter."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import msgspec
import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.triggers.schedule import fires, jittered
from engine.domain.triggers.trigger import ScheduleSource
from tests.domain.cron_cases import CRONITER, CRONSIM, OURS

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def first(count: int, source: ScheduleSource, after: datetime, anchor: datetime = NEW_YEAR) -> list[datetime]:
    return list(islice(fires(source, after, anchor=anchor), count))


@pytest.mark.parametrize(("cron", "after", "times"), [*CRONITER, *CRONSIM, *OURS])
def test_cron_fires_as_other_peoples_tests_say(cron: str, after: str, times: list[str]) -> None:
    start = datetime.fromisoformat(after).replace(tzinfo=UTC)
    expected = [datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times]
    assert first(max(len(times), 1), ScheduleSource(cron=cron), start) == expected


# -------------------------------------------------------------- clocks that are put forward and back

BERLIN, NEW_YORK, LORD_HOWE, KOLKATA, APIA = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
)
HAVANA = "America/Havana"  # changes at midnight, and puts 01:00 back to 00:00
# Berlin: 2024-03-31 02:00 is 03:00, 2024-10-27 03:00 is 02:00. New York: 2024-03-10 02:00 is 03:00, 2024-11-03 02:00 is 01:00.
# Lord Howe: 2024-10-06 02:00 is 02:30, 2024-04-07 02:00 is 01:30. Apia had no 2011-12-30.
CHANGES: list[tuple[str, str, str, list[str]]] = [
    # What is in the gap fires right after it, once; times outside of it are not touched.
    (BERLIN, "0 2 * * *", "2024-03-30 12:00", ["03-31 03:00+02:00", "04-01 02:00+02:00"]),
    (BERLIN, "30 2 * * *", "2024-03-30 12:00", ["03-31 03:00+02:00", "04-01 02:30+02:00"]),
    (BERLIN, "0 30 2 * * *", "2024-03-30 12:00", ["03-31 03:00+02:00", "04-01 02:30+02:00"]),
    (BERLIN, "0 3 * * *", "2024-03-30 12:00", ["03-31 03:00+02:00", "04-01 03:00+02:00"]),
    (BERLIN, "59 1 * * *", "2024-03-30 12:00", ["03-31 01:59+01:00", "04-01 01:59+02:00"]),
    (BERLIN, "15,45 2 * * *", "2024-03-30 12:00", ["03-31 03:00+02:00", "04-01 02:15+02:00"]),
    (BERLIN, "0 2,3 * * *", "2024-03-30 12:00", ["03-31 03:00+02:00", "04-01 02:00+02:00"]),
    (BERLIN, "0 */2 * * *", "2024-03-30 23:30", ["03-31 00:00+01:00", "03-31 03:00+02:00", "03-31 04:00+02:00"]),
    (BERLIN, "*/20 2 * * *", "2024-03-30 12:00", ["03-31 03:00+02:00", "04-01 02:00+02:00"]),
    (NEW_YORK, "0 2 * * *", "2024-03-09 12:00", ["03-10 03:00-04:00", "03-11 02:00-04:00"]),
    (NEW_YORK, "30 2 * * *", "2024-03-09 12:00", ["03-10 03:00-04:00", "03-11 02:30-04:00"]),
    (NEW_YORK, "30 2 10 3 *", "2024-03-09 12:00", ["03-10 03:00-04:00"]),
    (LORD_HOWE, "0 2 * * *", "2024-10-05 12:00", ["10-06 02:30+11:00", "10-07 02:00+11:00"]),
    (LORD_HOWE, "15 2 * * *", "2024-10-05 12:00", ["10-06 02:30+11:00", "10-07 02:15+11:00"]),
    (LORD_HOWE, "30 2 * * *", "2024-10-05 12:00", ["10-06 02:30+11:00", "10-07 02:30+11:00"]),
    (HAVANA, "0 0 * * *", "2024-03-09 12:00", ["03-10 01:00-04:00", "03-11 00:00-04:00"]),
    (APIA, "0 12 * * *", "2011-12-29 00:00", ["12-29 12:00-10:00", "12-31 00:00+14:00", "12-31 12:00+14:00"]),
    # What is shown twice fires at the first.
    (BERLIN, "0 2 * * *", "2024-10-26 12:00", ["10-27 02:00+02:00", "10-28 02:00+01:00"]),
    (BERLIN, "30 2 * * *", "2024-10-26 12:00", ["10-27 02:30+02:00", "10-28 02:30+01:00"]),
    (BERLIN, "0 30 2 * * *", "2024-10-26 12:00", ["10-27 02:30+02:00", "10-28 02:30+01:00"]),
    (BERLIN, "0 3 * * *", "2024-10-26 12:00", ["10-27 03:00+01:00", "10-28 03:00+01:00"]),
    (BERLIN, "*/30 2-3 * * *", "2024-10-26 12:00", ["10-27 02:00+02:00", "10-27 02:30+02:00", "10-27 03:00+01:00"]),
    (NEW_YORK, "0 2 * * *", "2024-11-02 12:00", ["11-03 02:00-05:00", "11-04 02:00-05:00"]),
    (NEW_YORK, "30 1 * * *", "2024-11-02 12:00", ["11-03 01:30-04:00", "11-04 01:30-05:00"]),
    (LORD_HOWE, "0 2 * * *", "2024-04-06 12:00", ["04-07 02:00+10:30", "04-08 02:00+10:30"]),
    (LORD_HOWE, "45 1 * * *", "2024-04-06 12:00", ["04-07 01:45+11:00", "04-08 01:45+10:30"]),
    (HAVANA, "0 0 * * *", "2024-11-02 12:00", ["11-03 00:00-04:00", "11-04 00:00-05:00"]),
    # What is in every hour goes by what the clock shows, whenever it does.
    (BERLIN, "0 * * * *", "2024-03-31 00:30", ["03-31 01:00+01:00", "03-31 03:00+02:00", "03-31 04:00+02:00"]),
    (BERLIN, "30 0-23 * * *", "2024-03-31 01:00", ["03-31 01:30+01:00", "03-31 03:30+02:00"]),
    (BERLIN, "*/15 * * * *", "2024-03-31 01:30", ["03-31 01:45+01:00", "03-31 03:00+02:00", "03-31 03:15+02:00"]),
    (BERLIN, "7-59/15 * * * *", "2024-03-31 01:40", ["03-31 01:52+01:00", "03-31 03:07+02:00"]),
    (BERLIN, "0 * * * *", "2024-10-27 01:30", ["10-27 02:00+02:00", "10-27 02:00+01:00", "10-27 03:00+01:00"]),
    (BERLIN, "*/30 * * * *", "2024-10-27 02:15", ["10-27 02:30+02:00", "10-27 02:00+01:00", "10-27 02:30+01:00"]),
    (NEW_YORK, "0 * * * *", "2024-03-10 01:30", ["03-10 03:00-04:00", "03-10 04:00-04:00"]),
    (NEW_YORK, "0 * * * *", "2024-11-03 00:30", ["11-03 01:00-04:00", "11-03 01:00-05:00", "11-03 02:00-05:00"]),
    (LORD_HOWE, "0 * * * *", "2024-10-06 00:30", ["10-06 01:00+10:30", "10-06 03:00+11:00", "10-06 04:00+11:00"]),
    (LORD_HOWE, "*/15 * * * *", "2024-10-06 01:30", ["10-06 01:45+10:30", "10-06 02:30+11:00", "10-06 02:45+11:00"]),
    (LORD_HOWE, "0 * * * *", "2024-04-07 00:30", ["04-07 01:00+11:00", "04-07 02:00+10:30", "04-07 03:00+10:30"]),
    (LORD_HOWE, "*/15 * * * *", "2024-04-07 01:40", ["04-07 01:45+11:00", "04-07 01:30+10:30", "04-07 01:45+10:30"]),
    (HAVANA, "*/30 * * * SUN", "2024-03-09 12:00", ["03-10 01:00-04:00", "03-10 01:30-04:00"]),
    # Nothing is ever put forward or back.
    (KOLKATA, "0 2 * * *", "2024-03-30 12:00", ["03-31 02:00+05:30", "04-01 02:00+05:30"]),
    (KOLKATA, "30 2 * * *", "2024-10-26 12:00", ["10-27 02:30+05:30", "10-28 02:30+05:30"]),
    (KOLKATA, "0 * * * *", "2024-10-27 01:30", ["10-27 02:00+05:30", "10-27 03:00+05:30"]),
]


@pytest.mark.parametrize(("zone", "cron", "after", "times"), CHANGES)
def test_times_that_a_clock_skips_or_shows_twice_are_defined(
    zone: str, cron: str, after: str, times: list[str]
) -> None:
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    fired = first(len(times), ScheduleSource(cron=cron, timezone=zone), start)
    assert fired == [datetime.fromisoformat(f"{start.year}-{time}") for time in times]
    assert all(time.utcoffset() == timedelta(0) for time in fired)


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE, KOLKATA, HAVANA])
def test_every_15_minutes_are_15_minutes_the_whole_year_through(zone: str) -> None:
    year = takewhile(
        lambda time: time.year == 2024,
        fires(ScheduleSource(cron="*/15 * * * *", timezone=zone), NEW_YEAR, anchor=NEW_YEAR),
    )
    assert {later - earlier for earlier, later in pairwise(year)} == {15 * MINUTE}


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, LORD_HOWE, HAVANA])
@pytest.mark.parametrize("cron", ["0 2 * * *", "30 2 * * *", "45 1 * * *", "0 0 * * *", "15 0 0 * * *"])
def test_a_time_of_the_day_fires_once_each_day_of_the_year(zone: str, cron: str) -> None:
    year = first(366, ScheduleSource(cron=cron, timezone=zone), datetime(2024, 1, 1, tzinfo=ZoneInfo(zone)) - MINUTE)
    assert len({time.astimezone(ZoneInfo(zone)).date() for time in year}) == 366


# -------------------------------------------------------------- intervals and bounds


def test_an_interval_counts_from_its_start() -> None:
    source = ScheduleSource(every=7 * HOUR, start_at=NEW_YEAR + HOUR)
    assert first(2, source, NEW_YEAR - DAY) == [NEW_YEAR + HOUR, NEW_YEAR + 8 * HOUR]
    assert first(1, source, NEW_YEAR + 1000 * DAY) == [NEW_YEAR + HOUR + 3429 * 7 * HOUR]


def test_an_interval_without_a_start_counts_from_the_triggers_creation() -> None:
    anchor = NEW_YEAR + timedelta(microseconds=123456)
    assert first(2, ScheduleSource(every=90 * MINUTE), anchor, anchor) == [anchor + 90 * MINUTE, anchor + 180 * MINUTE]
    assert first(1, ScheduleSource(every=90 * MINUTE), anchor - 100 * MINUTE, anchor) == [anchor - 90 * MINUTE]


def test_a_zones_changes_do_not_move_an_interval() -> None:
    source = ScheduleSource(every=DAY, timezone=BERLIN)
    times = first(366, source, NEW_YEAR)
    assert {later - earlier for earlier, later in pairwise(times)} == {DAY}


@pytest.mark.parametrize("rule", [{"cron": "0 * * * *"}, {"every": HOUR}])
def test_the_start_is_included_and_the_end_is_not(rule: dict[str, str | timedelta]) -> None:
    source = ScheduleSource(**rule, start_at=NEW_YEAR, end_at=NEW_YEAR + 3 * HOUR)  # type: ignore[arg-type] # either is of its field's type
    assert list(fires(source, NEW_YEAR - 9 * DAY, anchor=NEW_YEAR)) == [NEW_YEAR, NEW_YEAR + HOUR, NEW_YEAR + 2 * HOUR]
    assert list(fires(source, NEW_YEAR, anchor=NEW_YEAR)) == [NEW_YEAR + HOUR, NEW_YEAR + 2 * HOUR]
    assert list(fires(source, NEW_YEAR + 3 * HOUR, anchor=NEW_YEAR)) == []


@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, "Pacific/Kiritimati"])
@pytest.mark.parametrize("cron", ["* * * * *", "0 2 * * *", "0 0 29 2 *", "0 0 31 2 *"])
def test_the_calendars_ends_are_no_trouble(cron: str, zone: str) -> None:
    source = ScheduleSource(cron=cron, timezone=zone)
    assert first(1, source, datetime.max.replace(tzinfo=UTC)) == []
    assert all(time.year < 10 for time in first(2, source, datetime.min.replace(tzinfo=UTC)))
    assert all(time.year == 9999 for time in first(9, source, datetime(9999, 12, 27, tzinfo=UTC)))


def test_an_interval_ends_with_the_calendar() -> None:
    assert (
        first(9, ScheduleSource(every=1000 * DAY), datetime(9998, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC))
        == []
    )
    assert first(9, ScheduleSource(every=timedelta.max), NEW_YEAR) == []


# -------------------------------------------------------------- properties

_lists = st.lists(st.integers(0, 23), min_size=1, max_size=3, unique=True).map(lambda hours: ",".join(map(str, hours)))
_crons = st.tuples(
    st.sampled_from(["", "", "0 ", "*/20 ", "7 "]),
    st.sampled_from(["0", "*/15", "30", "59", "*", "7-40/11"]),
    st.one_of(st.sampled_from(["*", "*/2", "0-23", "1-3"]), _lists),
    st.sampled_from(["*", "1", "L", "LW", "*/2", "31"]),
    st.sampled_from(["*", "3,10", "MAR-APR", "2"]),
    st.sampled_from(["*", "SUN", "MON-FRI", "5L", "0#2", "*/3"]),
).map(lambda fields: fields[0] + " ".join(fields[1:]))
_zones = st.sampled_from(
    ["UTC", BERLIN, NEW_YORK, LORD_HOWE, KOLKATA, HAVANA, APIA, "Africa/Casablanca", "Asia/Kathmandu"]
)
_changes = [datetime.fromisoformat(time) for _, _, time, _ in CHANGES]
_times = st.one_of(
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 (the zone is set below)
    st.builds(lambda change, by: change + by, st.sampled_from(_changes), st.timedeltas(-DAY, DAY)),
).map(lambda time: time.replace(tzinfo=UTC))
_rules = st.one_of(
    st.builds(ScheduleSource, cron=_crons, timezone=_zones),
    st.builds(ScheduleSource, every=st.timedeltas(timedelta(seconds=1), 40 * DAY)),
)


@settings(max_examples=300, deadline=None)
@given(_rules, _times, _times)
def test_times_ascend_strictly_after_what_was_asked(source: ScheduleSource, after: datetime, anchor: datetime) -> None:
    times = [after, *first(30, source, after, anchor)]
    assert all(earlier < later for earlier, later in pairwise(times))


@settings(max_examples=300, deadline=None)
@given(_rules, _times, _times, st.floats(0, 1))
def test_times_are_the_same_however_they_are_asked_for(
    source: ScheduleSource, after: datetime, anchor: datetime, part: float
) -> None:
    whole = first(30, source, after, anchor)
    single = [after]
    while len(single) <= len(whole):
        single.extend(first(1, source, single[-1], anchor))
    assert single[1:] == whole
    cut = after + part * (max(whole, default=after) - after)
    rest = [time for time in whole if time > cut]
    assert first(len(rest), source, cut, anchor) == rest


@settings(max_examples=200, deadline=None)
@given(_rules, _times, _times, st.timedeltas(timedelta(0), 9 * DAY), st.timedeltas(timedelta(0), 9 * DAY))
def test_bounds_take_away_what_is_outside_of_them(
    source: ScheduleSource, after: datetime, start: datetime, wait: timedelta, length: timedelta
) -> None:
    start = after + wait if start.year % 2 else start
    bounded = msgspec.structs.replace(source, start_at=start, end_at=start + length)
    free = msgspec.structs.replace(source, start_at=None, end_at=None)
    expected = [
        time for time in first(30, free, max(after, start - timedelta(microseconds=1)), start) if time < start + length
    ]
    assert first(30, bounded, after, anchor=NEW_YEAR) == expected


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(_changes), _zones, st.sampled_from(["*/15", "0", "30", "7-40/11"]))
def test_in_every_hour_a_time_fires_exactly_when_the_clock_shows_it(change: datetime, zone: str, minutes: str) -> None:
    after = change.replace(tzinfo=UTC)
    shown = [after + minute * MINUTE for minute in range(1, 2 * 24 * 60)]
    local = CronSim(f"{minutes} * * * *", datetime(2024, 1, 1)).minutes  # noqa: DTZ001 (only its fields are looked at)
    expected = [time for time in shown if time.astimezone(ZoneInfo(zone)).minute in local]
    assert first(len(expected), ScheduleSource(cron=f"{minutes} * * * *", timezone=zone), after) == expected


# -------------------------------------------------------------- jitter


def test_jitter_is_the_same_for_the_same_trigger_and_time_in_any_zone() -> None:
    time = NEW_YEAR + 5 * HOUR
    put_off = jittered("tr_a", time, HOUR)
    assert jittered("tr_a", time.astimezone(ZoneInfo(KOLKATA)), HOUR) == put_off
    assert jittered("tr_b", time, HOUR) != put_off
    assert jittered("tr_a", time + DAY, HOUR) - DAY != put_off
    # Pinned: were it another one day, what is under way would fire at two times.
    assert put_off == time + timedelta(minutes=6, seconds=37, microseconds=312394)


def test_jitter_spreads_triggers_evenly() -> None:
    delays = [jittered(f"tr_{number}", NEW_YEAR, 10 * MINUTE) - NEW_YEAR for number in range(10_000)]
    assert min(delays) >= timedelta(0)
    assert max(delays) < 10 * MINUTE
    assert all(900 < count < 1_100 for count in Counter(delay // MINUTE for delay in delays).values())


def test_without_jitter_a_time_stays() -> None:
    assert jittered("tr_a", NEW_YEAR, timedelta(0)) == NEW_YEAR
    assert jittered("tr_a", NEW_YEAR, timedelta(microseconds=1)) == NEW_YEAR
