"""Variables that are quickly seen to be what is meant are coerced as graphql-core coerces them."""

from typing import Any

from graphql import build_schema, parse
from graphql.execution.values import VariableValues, get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from graphql_api.compiled.variables import Variables
from tests.compiled.comparing import operation_of

SCHEMA = build_schema("""
    enum Colour { RED GREEN }
    input Point { x: Int! y: Int = 3 }
    type Query { a: Int }
""")
TYPES = (
    "Int",
    "Int!",
    "String",
    "String!",
    "ID",
    "ID!",
    "Float",
    "Float!",
    "Boolean",
    "Boolean!",
    "[Int]",
    "Colour",
    "Point",
)
ABSENT = object()
VALUES = st.one_of(
    st.just(ABSENT),
    st.none(),
    st.booleans(),
    st.integers(-(2**33), 2**33),
    st.floats(),
    st.sampled_from(("", "text", "RED", "1", "\ud800")),
    st.just([1]),
    st.just({"x": 1}),
)


@given(st.lists(st.tuples(st.sampled_from(TYPES), VALUES), min_size=1, max_size=4), st.booleans())
def test_both_coerce_alike(variables: list[tuple[str, Any]], defaults: bool) -> None:  # noqa: FBT001 # from hypothesis
    declared = ", ".join(
        f"$v{at}: {type_}{' = 1' if defaults and type_ == 'Int' else ''}" for at, (type_, _) in enumerate(variables)
    )
    operation = operation_of(parse(f"query({declared}) {{ a }}"))
    given = {f"v{at}": value for at, (_, value) in enumerate(variables) if value is not ABSENT} | {"other": 1}
    core = get_variable_values(SCHEMA, operation.variable_definitions or (), given, max_errors=20)
    assert told(Variables(SCHEMA, operation).coerced(given, hide_suggestions=False)) == told(core)


def told(values: Any) -> object:
    if not isinstance(values, VariableValues):
        return [error.formatted for error in values]
    sources = {name: (str(source.signature.type), repr(source.value)) for name, source in values.sources.items()}
    return [(name, repr(value)) for name, value in values.coerced.items()], sources
