"""What is said of a schedule that cannot be, and where."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from engine.domain.triggers.schedule_problems import schedule_problems
from engine.domain.triggers.trigger import ScheduleSource
from tests.domain.cron_cases import BAD_TERMS

NOON = datetime(2024, 5, 5, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

CASES: list[tuple[ScheduleSource, str, str]] = [
    (ScheduleSource(), "cron", "needs `cron` or `every`"),
    (ScheduleSource(cron="@daily", every=HOUR), "every", "and not both"),
    (ScheduleSource(every=timedelta(milliseconds=999)), "every", "1 second, not PT0.999S"),
    (ScheduleSource(every=timedelta(0)), "every", "1 second"),
    (ScheduleSource(every=-HOUR), "every", "1 second, not -PT1H"),
    (ScheduleSource(cron=""), "cron", "'' has 0 fields"),
    (ScheduleSource(cron="* * * *"), "cron", "has 4 fields: 5 are needed, or 6"),
    (ScheduleSource(cron="0 0 0 1 1 * 2025"), "cron", "has 7 fields"),
    (ScheduleSource(cron="@reboot"), "cron", "'@reboot' is none of @yearly"),
    (ScheduleSource(cron="0 " * 200), "cron", "has at most 256 characters, and this one has 400"),
    (ScheduleSource(cron="61 * * * *"), "cron", "minute: 61 is not possible; it takes 0-59"),
    (ScheduleSource(cron="60 0 * * * *"), "cron", "second: 60 is not possible; it takes 0-59"),
    (ScheduleSource(cron="0 9,24 * * *"), "cron", "hour: 24 is not possible; it takes 0-23"),
    (ScheduleSource(cron="0 9 15W * *"), "cron", "day of month: 15W is not possible; it takes 1-31, L"),
    (ScheduleSource(cron="0 9 L-3 * *"), "cron", "day of month: L-3 is not possible"),
    (ScheduleSource(cron="0 9 * FEB,FOO *"), "cron", "month: FOO is not possible; it takes 1-12 and JAN-DEC"),
    (ScheduleSource(cron="0 9 * * 5#6"), "cron", "day of week: 5#6 is not possible"),
    (ScheduleSource(cron="0 9 ? * MON"), "cron", r"day of month: \? is not known here; write \*"),
    (ScheduleSource(cron="*/0 * * * *"), "cron", r"minute: the step of \*/0 is not a number above 0"),
    (ScheduleSource(cron="1-5/x * * * *"), "cron", "minute: the step of 1-5/X is not a number above 0"),
    (ScheduleSource(cron="0 9 * * SAT-SUN"), "cron", "day of week: SAT-SUN goes downwards; write it as two ranges"),
    (ScheduleSource(cron="0 17-9/2 * * *"), "cron", "hour: 17-9 goes downwards"),
    (ScheduleSource(cron="1,,2 * * * *"), "cron", "minute: a list has an empty place"),
    (ScheduleSource(cron="0 0 31 2 *"), "cron", r"'0 0 31 2 \*' never fires"),
    (ScheduleSource(cron="0 0 31 4,6,9,11 *"), "cron", "never fires"),
    (ScheduleSource(cron="0 0 */20 * 1L"), "cron", "never fires"),
    (ScheduleSource(every=HOUR, timezone=""), "timezone", "'' is not an IANA time zone"),
    (ScheduleSource(every=HOUR, timezone="Europe"), "timezone", "'Europe' is not an IANA time zone"),
    (ScheduleSource(every=HOUR, timezone="Europe/Berln"), "timezone", "did you mean Europe/Berlin?"),
    (ScheduleSource(every=HOUR, timezone="../../etc/passwd"), "timezone", "is not an IANA time zone"),
    (ScheduleSource(every=HOUR, timezone="/etc/localtime"), "timezone", "is not an IANA time zone"),
    (ScheduleSource(every=HOUR, timezone="localtime"), "timezone", "is not an IANA time zone"),
    (ScheduleSource(every=HOUR, timezone="UTC\0"), "timezone", "is not an IANA time zone"),
    (ScheduleSource(every=HOUR, timezone="\ud800"), "timezone", "is not an IANA time zone"),
    (ScheduleSource(every=HOUR, timezone="x" * 5000), "timezone", "is not an IANA time zone"),
    (ScheduleSource(every=HOUR, jitter=-HOUR), "jitter", "cannot be negative"),
    (ScheduleSource(every=HOUR, jitter=HOUR), "jitter", r"the jitter \(PT1H\) has to be shorter .* can be PT1H"),
    (ScheduleSource(cron="*/5 * * * *", jitter=timedelta(minutes=5)), "jitter", "can be PT5M"),
    (ScheduleSource(cron="0 9,10 * * MON", jitter=2 * HOUR), "jitter", "can be PT1H"),
    (ScheduleSource(cron="0 0 1 1 *", jitter=DAY + HOUR), "jitter", "a day at most, not PT25H"),
    (ScheduleSource(every=HOUR, catch_up_window=-HOUR), "catch_up_window", "cannot be negative"),
    (ScheduleSource(every=HOUR, start_at=NOON.replace(tzinfo=None)), "start_at", "needs its offset"),
    (ScheduleSource(every=HOUR, end_at=NOON.replace(tzinfo=None)), "end_at", "needs its offset"),
    (ScheduleSource(every=HOUR, start_at=NOON, end_at=NOON), "end_at", "is not after the start"),
    (
        ScheduleSource(every=HOUR, start_at=NOON, end_at=NOON - HOUR),
        "end_at",
        r"\(2024-05-05T11:00:00Z\) is not after the start",
    ),
    (
        ScheduleSource(cron="@daily", start_at=NOON, end_at=NOON + HOUR),
        "end_at",
        r"before the end \(2024-05-05T13:00:00Z\): the first time would be 2024-05-06T00:00:00Z",
    ),
]


@pytest.mark.parametrize(("source", "field", "message"), CASES)
def test_what_cannot_be_is_said_with_its_field(source: ScheduleSource, field: str, message: str) -> None:
    (problem,) = schedule_problems(source)
    assert problem.path == (field,)
    with pytest.raises(ValueError, match=message):
        raise ValueError(problem.message)


def test_several_problems_are_said_together() -> None:
    source = ScheduleSource(cron="x", every=HOUR, timezone="Nowhere", start_at=NOON, end_at=NOON)
    assert [problem.path for problem in schedule_problems(source)] == [
        ("every",),
        ("cron",),
        ("timezone",),
        ("end_at",),
    ]


@pytest.mark.parametrize(
    "source",
    [
        ScheduleSource(cron="*/5 * * * *", jitter=timedelta(seconds=299), timezone="Europe/Berlin"),
        ScheduleSource(cron="0 0 1 * *", jitter=DAY),
        ScheduleSource(cron="0 0 29 2 *", jitter=DAY),
        ScheduleSource(cron="0 0 31 2 MON"),
        ScheduleSource(every=timedelta(seconds=1), jitter=timedelta(0)),
        ScheduleSource(every=9 * DAY, jitter=8 * DAY),
        ScheduleSource(every=DAY, start_at=NOON, end_at=NOON + HOUR),
        ScheduleSource(cron="0 12 * * *", start_at=NOON, end_at=NOON + HOUR),
        ScheduleSource(cron="@daily", end_at=NOON),
        ScheduleSource(cron="@daily", timezone="EST", catch_up_window=timedelta(0)),
    ],
)
def test_nothing_is_said_of_what_is_right(source: ScheduleSource) -> None:
    assert schedule_problems(source) == []


def test_when_it_is_made_decides_whether_an_end_comes_too_early() -> None:
    for source in (ScheduleSource(every=DAY, end_at=NOON + DAY), ScheduleSource(cron="0 13 * * *", end_at=NOON + HOUR)):
        assert schedule_problems(source) == []
        assert [problem.path for problem in schedule_problems(source, anchor=NOON)] == [("end_at",)]
        assert schedule_problems(source, anchor=NOON - DAY) == []


_PLACES = [
    "{} * * * *", "* {} * * *", "* * {} * *", "* * * {} *", "* * * * {}", "* * * * * {}", "1-{} * * * *", "{}-60 * * * *",
    "* * 1-{} * *", "* * 1,{} * *", "* * {}/1 * *", "* * * {}-DEC *", "* * * JAN-{} *", "* * * * {}-SUN", "* * * * MON-{}",
]  # fmt: skip


@pytest.mark.parametrize(("place", "term"), list(product(_PLACES, BAD_TERMS)))
def test_nonsense_in_any_place_is_refused_with_its_field(place: str, term: str) -> None:
    (problem,) = schedule_problems(ScheduleSource(cron=place.format(term)))
    assert problem.path == ("cron",)
    assert problem.message.partition(":")[0] in {"second", "minute", "hour", "day of month", "month", "day of week"}
