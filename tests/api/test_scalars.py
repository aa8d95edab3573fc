"""DateTime, Duration and JSON: what is written, and what is read."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from graphql import GraphQLError, parse_value

from graphql_api.types.scalars import SCALARS, read_date_time, read_duration, read_json_literal, write_date_time


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 31, 9, 30, tzinfo=UTC), "2026-01-31T09:30:00.000000Z"),
        (datetime(2026, 1, 31, 9, 30, 0, 120, tzinfo=UTC), "2026-01-31T09:30:00.000120Z"),
        (datetime(2026, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=2))), "2026-01-31T07:30:00.000000Z"),
        (datetime(5, 1, 1, tzinfo=UTC), "0005-01-01T00:00:00.000000Z"),
    ],
)
def test_moments_are_written_in_utc_with_six_digits_of_a_second(moment: datetime, text: str) -> None:
    assert write_date_time(moment) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31t09:30:00.5z", datetime(2026, 1, 31, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T09:30:00.123456+02:00", datetime(2026, 1, 31, 7, 30, 0, 123_456, tzinfo=UTC)),
        ("2026-01-31T09:30:00-00:30", datetime(2026, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_moments_are_read_with_any_offset(text: str, moment: datetime) -> None:
    assert read_date_time(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        "", "now", "2026-01-31", "2026-01-31T09:30:00", "2026-01-31 09:30:00Z", "2026-01-31T09:30Z", "2026-13-31T09:30:00Z",
        "2026-02-30T09:30:00Z", "2026-01-31T24:30:00Z", "2026-01-31T09:30:60Z", "2026-01-31T09:30:00.1234567Z", "20260131T093000Z",
        "2026-01-31T09:30:00Z\n", "٢٠٢٦-01-31T09:30:00Z", "0001-01-01T00:00:00+23:59", 1769851800, 1.5, True, None, {},
    ],
)  # fmt: skip
def test_anything_else_is_no_moment(value: object) -> None:
    with pytest.raises(GraphQLError, match="is not a DateTime"):
        read_date_time(value)


def test_durations_are_read_in_both_notations_and_written_in_one() -> None:
    assert read_duration("PT1H30M") == read_duration("90m") == timedelta(minutes=90)
    write = SCALARS[timedelta].serialize
    assert write
    assert write(timedelta(seconds=0.5)) == "PT0.5S"


@pytest.mark.parametrize("value", ["", "1", "P1M", "P1Y", "-PT1S", "PT", "1 h", 30, None, "P9999999D"])
def test_anything_else_is_no_duration(value: object) -> None:
    with pytest.raises(GraphQLError):
        read_duration(value)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('{a: [1, -2.5, "x", true, null]}', {"a": [1, -2.5, "x", True, None]}),
        ('"""block"""', "block"),
        ("[]", []),
    ],
)
def test_json_may_be_written_inside_of_a_document(literal: str, value: Any) -> None:
    assert read_json_literal(parse_value(literal)) == value


def test_an_enum_value_is_no_json() -> None:
    with pytest.raises(GraphQLError, match="write texts in quotes"):
        read_json_literal(parse_value("[RED]"))
