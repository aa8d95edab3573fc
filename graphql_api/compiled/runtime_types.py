"""The object type that an interface or a union was resolved to, if that may be."""

from typing import Any

from graphql import GraphQLAbstractType, GraphQLError, GraphQLObjectType, GraphQLSchema, is_object_type
from graphql.pyutils import inspect

from graphql_api.compiled.field import Field


def runtime_type(
    schema: GraphQLSchema, name: Any, abstract: GraphQLAbstractType, field: Field, value: Any
) -> GraphQLObjectType:
    """Raises `GraphQLError` in the words of graphql-core."""
    place = f"'{field.parent}.{field.name}'"
    must = f"Abstract type '{abstract}' must resolve to an Object type at runtime for field {place}"
    resolved = f"Abstract type '{abstract}' was resolved to a"
    if name is None:
        raise GraphQLError(
            f"{must}. Either the '{abstract}' type should provide a 'resolve_type' function"
            " or each possible type should provide an 'is_type_of' function.",
            field.nodes,
        )
    if not isinstance(name, str):
        raise GraphQLError(
            f"{must} with value {inspect(value)}, received '{inspect(name)}', which is not a valid Object type name.",
            field.nodes,
        )
    found = schema.get_type(name)
    if found is None:
        raise GraphQLError(f"{resolved} type '{name}' that does not exist inside the schema.", field.nodes)
    if not is_object_type(found):
        raise GraphQLError(f"{resolved} non-object type '{name}'.", field.nodes)
    if not schema.is_sub_type(abstract, found):
        raise GraphQLError(f"Runtime Object type '{found}' is not a possible type for '{abstract}'.", field.nodes)
    return found
