"""The schema as one piece. `python -m graphql_api.schema` prints it."""

import sys

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLDefaultInput,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig

from graphql_api.mutations import Mutation
from graphql_api.queries import Query
from graphql_api.subscriptions import Subscription
from graphql_api.types.errors import ConflictError, GenericError, LimitError, ValidationError
from graphql_api.types.events import EVENT_TYPES
from graphql_api.types.scalars import SCALARS


def build_schema() -> strawberry.Schema:
    schema = _Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[ConflictError, GenericError, LimitError, ValidationError, *EVENT_TYPES.values()],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    _mend_defaults(schema._schema)  # noqa: SLF001 # there is no public way to the schema of graphql-core
    return schema


class _Schema(strawberry.Schema):
    def as_str(self) -> str:
        """Strawberry prints GraphQL's own @oneOf, for tools that do not know it, without the description that everything has."""
        described = '"""Exactly one field of the input is given, and it is not null."""\n'
        return super().as_str().replace("directive @oneOf ", f"{described}directive @oneOf ", 1)


def _mend_defaults(schema: GraphQLSchema) -> None:
    """`= null` on a nullable input says nothing to a client, and Python's own default applies where a client gives
    nothing. And introspection fails on an object as the default of a scalar, unless it is given as graphql-core 3.3
    wants it.
    """
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            given: list[GraphQLArgument | GraphQLInputField] = list(type_.fields.values())
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            given = [argument for field in type_.fields.values() for argument in field.args.values()]
        else:
            continue
        for item in given:
            if item.default_value is None:
                item.default_value = Undefined
            elif item.default_value == {}:
                item.default = GraphQLDefaultInput(value={})


if __name__ == "__main__":
    sys.stdout.write(build_schema().as_str() + "\n")
