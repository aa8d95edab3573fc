"""The fast path for member chains gives what CEL gives."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.expressions import ExpressionFailed, Scope, evaluate
from engine.domain.expressions.chain import parse_chain

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = st.sampled_from(["a", "b", "loop", "x1", "for", "some key", "é"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
MEMBERS = st.lists(
    st.one_of(
        st.sampled_from([".a", ".b", ".loop", ".x1", ".for"]),
        st.sampled_from(['["a"]', "['b']", '["some key"]', '["é"]', '["for"]']),
        st.integers(0, 3).map(lambda index: f"[{index}]"),
    ),
    max_size=4,
)


def outcome(source: str, scope: Scope) -> Any:
    try:
        return ("value", evaluate(source, scope))
    except ExpressionFailed as error:
        return ("failure", error.message)


@settings(max_examples=400, deadline=None)
@given(value=JSON, members=MEMBERS, root=st.sampled_from(["input", "item", "loop"]))
def test_a_chain_gives_the_same_value_or_failure_with_and_without_cel(
    value: Any, members: list[str], root: str
) -> None:
    chain = root + "".join(members)
    scope = Scope({root: value}, now=NOW)
    through_cel = f"({chain})"
    assert parse_chain(chain) is not None
    assert parse_chain(through_cel) is None
    quick, slow = outcome(chain, scope), outcome(through_cel, scope)
    assert quick == slow
    assert type(quick[1]) is type(slow[1])


@pytest.mark.parametrize(
    "source",
    [
        "1",
        "true",
        "input.in",
        "input.true",
        "null",
        "input.a()",
        "input[a]",
        "input[-1]",
        "input .a",
        "input?.a",
        "input[01]",
        "__now",
    ],
)
def test_what_is_more_than_a_chain_is_left_to_cel(source: str) -> None:
    assert parse_chain(source) is None


def test_a_chain_longer_than_cel_allows_fails_in_the_same_way() -> None:
    with pytest.raises(ExpressionFailed, match="32 levels"):
        evaluate("input" + ".a" * 40, Scope({"input": {}}, now=NOW))


def test_an_unknown_variable_is_named() -> None:
    with pytest.raises(ExpressionFailed, match="unknown name 'item'"):
        evaluate("item.a", Scope({"input": {}}, now=NOW))
