"""The schema keeps the public contract: it may add, but not rename, remove or loosen what stands there."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
)

from graphql_api import schema as api

CONTRACT = Path(__file__).parent / "contract.graphql"


def contract_types() -> Iterator[GraphQLNamedType]:
    for name, type_ in build_schema(CONTRACT.read_text()).type_map.items():
        if not name.startswith("__"):
            yield type_


@pytest.fixture(scope="module")
def real() -> GraphQLSchema:
    return build_schema(api.build_schema().as_str())


@pytest.mark.parametrize("promised", list(contract_types()), ids=str)
def test_the_schema_has_what_the_contract_promises(promised: GraphQLNamedType, real: GraphQLSchema) -> None:
    actual = real.type_map.get(promised.name)
    assert actual is not None, f"type {promised.name} is missing"
    assert type(actual) is type(promised)
    if isinstance(promised, GraphQLScalarType) and isinstance(actual, GraphQLScalarType):
        assert actual.specified_by_url == promised.specified_by_url
    if isinstance(promised, GraphQLEnumType) and isinstance(actual, GraphQLEnumType):
        assert set(actual.values) == set(promised.values)
    if isinstance(promised, GraphQLInputObjectType) and isinstance(actual, GraphQLInputObjectType):
        assert _inputs(actual.fields) == _inputs(promised.fields)
        assert actual.is_one_of == promised.is_one_of
    if isinstance(promised, GraphQLObjectType | GraphQLInterfaceType):
        assert isinstance(actual, GraphQLObjectType | GraphQLInterfaceType)
        assert {type_.name for type_ in actual.interfaces} >= {type_.name for type_ in promised.interfaces}
        _check_fields(promised.name, actual.fields, promised.fields)


def _check_fields(owner: str, actual: Mapping[str, GraphQLField], promised: Mapping[str, GraphQLField]) -> None:
    for name, field in promised.items():
        assert name in actual, f"{owner}.{name} is missing"
        assert str(actual[name].type) == str(field.type), f"{owner}.{name}"
        assert _inputs(actual[name].args) == _inputs(field.args), f"{owner}.{name}"


def _inputs(given: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField]) -> dict[str, tuple[str, Any]]:
    return {name: (str(item.type), item.default_value) for name, item in given.items()}
