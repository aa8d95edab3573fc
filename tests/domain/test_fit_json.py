"""JSON that is fit to be stored is seen to be so without a look at the paths of its values."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import json_values
from engine.domain.errors import Path, Problem
from engine.domain.json_values import MAX_DEPTH, json_problems

FIT: dict[str, Any] = {"a": [1, 2.5, None, True, "text", "é", "", {}, []], "b": {"c": {"d": [-(2**63), 2**64 - 1]}}}
UNFIT = [
    "\0",
    "\ud800",
    float("nan"),
    float("inf"),
    2**64,
    {1: 2},
    {"\0": 1},
    {"\ud800": 1},
    pytest.param(object(), id="object"),
]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_what_is_fit_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def closer(value: Any, path: Path) -> Iterator[Problem]:
        raise AssertionError((value, path))

    monkeypatch.setattr(json_values, "_problems", closer)
    assert json_problems(FIT) == []
    assert json_problems(nested(MAX_DEPTH)) == []


@pytest.mark.parametrize("value", UNFIT, ids=repr)
def test_what_is_unfit_is_found_wherever_it_is(value: Any) -> None:
    for whole, path in ((value, ()), ([FIT, {"x": [value]}], ("1", "x", "0")), ((value,), ("0",))):
        (problem,) = json_problems(whole)
        assert problem.path == path


def test_what_is_nested_too_deep_is_found() -> None:
    assert [problem.path for problem in json_problems(nested(MAX_DEPTH + 2), ("x",))] == [("x",)]


_scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(st.characters(), max_size=4)


@given(st.recursive(_scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner)))
def test_both_looks_agree(value: Any) -> None:
    assert json_values._is_fit(value) <= (list(json_values._problems(value, ())) == [])
    assert (json_problems(value) == []) == (list(json_values._problems(value, ())) == [])
