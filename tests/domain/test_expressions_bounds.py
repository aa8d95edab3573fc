"""Expressions of strangers can neither hold the process nor fill its memory."""

from datetime import UTC, datetime
from time import process_time
from typing import Any

import pytest

from engine.domain.expressions import ExpressionFailed, Scope, evaluate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TOO_MUCH = "more work than allowed"
TOO_LONG = "at most 1,000 items"


def run(source: str, value: Any) -> Any:
    return evaluate(source, Scope({"input": value}, now=NOW))


@pytest.mark.parametrize(
    ("source", "value", "message"),
    [
        ("input.all(x, input.all(y, input.all(z, x + y + z >= 0)))", list(range(100)), TOO_MUCH),
        ("input.map(x, x * 2)", list(range(1_001)), TOO_LONG),
        ("input.filter(x, x >= 0)", list(range(5_000)), TOO_LONG),
        ("input.split('').map(x, 1)", "x" * 9_000, TOO_LONG),
        ("(input + input).map(x, 1)", list(range(600)), TOO_LONG),
        (
            "cel.bind(a, input + input + input + input, cel.bind(b, a + a + a + a, size(b + b + b + b + b)))",
            "x" * 1_000_000,
            TOO_MUCH,
        ),
        ("size(input.replace('x', input))", "x" * 100_000, TOO_MUCH),
        ("size(input.map(x, input[0]).join())", ["x" * 100_000] * 1_000, TOO_MUCH),
        ("input.matches('((x{1,10}){1,10}){1,10}y')", "x" * 2_000_000, TOO_MUCH),
        (" + ".join(["input"] * 30) + " == 'x'", "x" * 10_000_000, TOO_MUCH),
        ("(" * 40 + "input" + ")" * 40, 1, "32 levels"),
        ("input" + " " * 10_000, 1, "10000 characters"),
    ],
)
def test_what_would_take_too_long_is_refused_quickly(source: str, value: Any, message: str) -> None:
    started = process_time()
    with pytest.raises(ExpressionFailed, match=message):
        run(source, value)
    assert process_time() - started < 1


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ("input.map(x, x * 2)[999]", list(range(1_000)), 1_998),
        ("input.filter(x, x % 100 == 0).size()", list(range(9_000)), 90),
        ("input.exists(x, x.name == 'n4999')", [{"name": f"n{n}", "more": "x" * 100} for n in range(5_000)], True),
        (
            "size(input.template.replace('{{doc}}', input.doc))",
            {"template": "a {{doc}} " * 10, "doc": "x" * 500_000},
            5_000_030,
        ),
        ("input.map(x, input.map(y, x * y).size()).size()", list(range(90)), 90),
        ("input.split(',').map(x, x.trim()).join(';').size()", "a, " * 900, 1_800),
        ("input.matches('^[a-z0-9._%+-]+@[a-z0-9.-]+[.][a-z]{2,}$')", "someone@example.org", True),
    ],
)
def test_ordinary_work_on_long_lists_and_texts_is_allowed(source: str, value: Any, expected: Any) -> None:
    assert run(source, value) == expected


def test_nested_lists_are_bounded_each_for_itself() -> None:
    assert run("input.map(x, [1, 2].map(y, x + y))", [1, 2]) == [[2, 3], [3, 4]]
    with pytest.raises(ExpressionFailed, match=TOO_LONG):
        run("[1].map(x, input.map(y, y))", list(range(1_001)))
