"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.durations import iso_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10),
        ("1.5m", 90),
        ("2h", 7_200),
        ("7d", 604_800),
        ("1w", 604_800),
        ("PT30S", 30),
        ("PT0.25S", 0.25),
        ("P1DT2H3M4S", 93_784),
        ("P2W", 1_209_600),
        ("0s", 0),
    ],
)
def test_both_notations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "s",
        "-5s",
        "5 s",
        "5sec",
        "1h30m",
        "P",
        "PT",
        "P1Y",
        "P1M",
        "1e3s",
        "٣s",
        "10S",
        "pt30s",
        "5s\n",
        "nan",
    ],
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write 500ms"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["4000d", "P600W", "9" * 500 + "d"])
def test_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than 3660 days"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3660)))
def test_what_is_written_as_iso_reads_as_the_same_duration(duration: timedelta) -> None:
    assert parse_duration(iso_duration(duration)) == duration


def test_iso_durations_are_written_without_empty_parts() -> None:
    shown = [iso_duration(timedelta(seconds=seconds)) for seconds in (0, 0.5, 60, 5_400, 90_061, -1.5)]
    assert shown == ["PT0S", "PT0.5S", "PT1M", "PT1H30M", "PT25H1M1S", "-PT1.5S"]
