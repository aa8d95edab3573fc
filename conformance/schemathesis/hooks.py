"""What schemathesis cannot know of the API: its scalars, and what an error must say."""

import json
from typing import Any

import graphql
import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes

UNEXPECTED = {None, "INTERNAL", "UNAVAILABLE"}

_NAMES = st.sampled_from(["digest", "order", "fuzzed", "fuzzed-too"])
_STEPS = st.sampled_from(
    [
        {"id": "wait", "kind": "sleep", "with": {"for": "10ms"}},
        {"id": "ask", "kind": "approval", "with": {"prompt": "Well?"}},
        {"id": "sum", "kind": "transform", "with": {"value": "${ input.?x }"}},
        {"id": "sum", "kind": "transform", "with": {"value": "${ nothing.at.all }"}},
        {"id": "hear", "kind": "signal", "with": {"name": "packed"}},
        {"id": "none", "kind": "unheard-of", "with": {}},
    ]
)
_DEFINITIONS = st.fixed_dictionaries(
    {"name": _NAMES, "steps": st.lists(_STEPS, max_size=4)}, optional={"labels": st.just({"made": "up"})}
)
_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.from_regex(r"\A[A-Za-z_]\w{0,8}\Z"), inner, max_size=4)
    ),
    max_leaves=12,
)
_DURATIONS = st.sampled_from(["PT0.01S", "10ms", "PT1H", "P1D", "P1M", "-PT5S", "PT", "", "1e9h"])


def _literal(value: Any) -> graphql.ValueNode:
    """JSON's texts, numbers and words are GraphQL's too; its objects have quoted keys."""
    match value:
        case list():
            return nodes.List([_literal(item) for item in value])
        case dict():
            return nodes.Object([_field(name, item) for name, item in value.items()])
        case _:
            return graphql.parse_value(json.dumps(value, ensure_ascii=False))


def _field(name: str, value: Any) -> graphql.ObjectFieldNode:
    return graphql.ObjectFieldNode(name=graphql.NameNode(value=name), value=_literal(value))


schemathesis.graphql.scalar("JSON", (_DEFINITIONS | _ANYTHING).map(_literal))
schemathesis.graphql.scalar("Duration", _DURATIONS.map(nodes.String))


@schemathesis.check
def refusals_say_why(_context: Any, response: Any, _case: Any) -> None:
    """Whatever was sent, the server knows what is wrong with it: nothing is our own mistake, and nothing breaks."""
    payload = response.json()
    for error in payload.get("errors", ()):
        code = error.get("extensions", {}).get("code")
        assert code not in UNEXPECTED, f"{code}: {error['message']}"
    for answer in (payload.get("data") or {}).values():
        for refusal in answer.get("errors", ()) if isinstance(answer, dict) else ():
            assert refusal.get("code") not in UNEXPECTED - {None}, f"{refusal['code']}: {refusal.get('message')}"
