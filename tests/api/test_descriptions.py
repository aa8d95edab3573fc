"""Clients see the schema's descriptions as the documentation, so there is one for everything."""

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)

from graphql_api.schema import build_schema


def own_types() -> Iterator[GraphQLNamedType]:
    for type_ in build_schema()._schema.type_map.values():
        if not is_introspection_type(type_) and not is_specified_scalar_type(type_):
            yield type_


def undescribed(type_: GraphQLNamedType) -> Iterator[str]:
    if not type_.description:
        yield type_.name
    if isinstance(type_, GraphQLEnumType):
        yield from (f"{type_.name}.{name}" for name, value in type_.values.items() if not value.description)
    if isinstance(type_, GraphQLInputObjectType):
        yield from (f"{type_.name}.{name}" for name, field in type_.fields.items() if not field.description)
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in type_.fields.items():
            if not field.description:
                yield f"{type_.name}.{name}"
            yield from (f"{type_.name}.{name}({arg})" for arg, its in field.args.items() if not its.description)


@pytest.mark.parametrize("type_", list(own_types()), ids=str)
def test_everything_a_client_can_name_has_a_description(type_: GraphQLNamedType) -> None:
    assert list(undescribed(type_)) == []
