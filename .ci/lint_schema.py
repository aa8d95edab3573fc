"""Checks the naming and documentation rules of a GraphQL schema file, without Node.

    python .ci/lint_schema.py schema.graphql

Every type, field, argument and enum value is described; types are PascalCase, fields and arguments camelCase, enum values
ALL_CAPS. An input type is an argument `input` or a part of one, so its name ends in `Input`, or says what it is a part of:
`Filter`, `Order`. A mutation takes one argument, `input: <Name>Input!`, and returns `<Name>Payload!`, which has
`errors: [UserError!]!` and otherwise only fields that may be null. A connection has `edges`, `nodes` and `pageInfo`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
)

TYPE = re.compile(r"[A-Z][A-Za-z0-9]*")
FIELD = re.compile(r"[a-z][A-Za-z0-9]*")
ENUM_VALUE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
INPUT_SUFFIXES = ("Input", "Filter", "Order")
ERRORS = "[UserError!]!"


def problems(schema: GraphQLSchema) -> list[str]:
    """One line for each broken rule, in the order of the schema."""
    return [
        problem for type_ in schema.type_map.values() if _is_ours(type_) for problem in _type_problems(type_, schema)
    ]


def _is_ours(type_: GraphQLNamedType) -> bool:
    return not is_introspection_type(type_) and not is_specified_scalar_type(type_)


def _type_problems(type_: GraphQLNamedType, schema: GraphQLSchema) -> Iterator[str]:
    if not TYPE.fullmatch(type_.name):
        yield f"{type_.name}: names of types are PascalCase"
    if not type_.description:
        yield f"{type_.name}: has no description"
    match type_:
        case GraphQLEnumType():
            yield from _enum_problems(type_)
        case GraphQLInputObjectType():
            yield from _input_problems(type_)
        case GraphQLObjectType() | GraphQLInterfaceType():
            yield from _object_problems(type_, is_mutation=type_ is schema.mutation_type)


def _enum_problems(type_: GraphQLEnumType) -> Iterator[str]:
    for name, value in type_.values.items():
        if not ENUM_VALUE.fullmatch(name):
            yield f"{type_.name}.{name}: enum values are ALL_CAPS"
        if not value.description:
            yield f"{type_.name}.{name}: has no description"


def _input_problems(type_: GraphQLInputObjectType) -> Iterator[str]:
    if not type_.name.endswith(INPUT_SUFFIXES):
        yield f"{type_.name}: names of input types end in {', '.join(INPUT_SUFFIXES)}"
    for name, field in type_.fields.items():
        yield from _named_problems(f"{type_.name}.{name}", name, field.description)


def _object_problems(type_: GraphQLObjectType | GraphQLInterfaceType, *, is_mutation: bool) -> Iterator[str]:
    for name, field in type_.fields.items():
        place = f"{type_.name}.{name}"
        yield from _named_problems(place, name, field.description)
        for argument_name, argument in field.args.items():
            yield from _named_problems(f"{place}({argument_name})", argument_name, argument.description)
        if is_mutation:
            yield from _mutation_problems(place, field)
    if type_.name.endswith("Payload"):
        yield from _payload_problems(type_)
    if type_.name.endswith("Connection"):
        missing = {"edges", "nodes", "pageInfo"} - type_.fields.keys()
        yield from (f"{type_.name}: a connection has {name}" for name in sorted(missing))


def _named_problems(place: str, name: str, description: str | None) -> Iterator[str]:
    if not FIELD.fullmatch(name):
        yield f"{place}: names of fields and arguments are camelCase"
    if not description:
        yield f"{place}: has no description"


def _mutation_problems(place: str, field: GraphQLField) -> Iterator[str]:
    given = {name: str(argument.type) for name, argument in field.args.items()}
    if list(given) != ["input"] or not given["input"].endswith("Input!"):
        yield f"{place}: a mutation takes one argument, input: <Name>Input!"
    if not str(field.type).endswith("Payload!"):
        yield f"{place}: a mutation returns <Name>Payload!"


def _payload_problems(type_: GraphQLObjectType | GraphQLInterfaceType) -> Iterator[str]:
    errors = type_.fields.get("errors")
    if errors is None or str(errors.type) != ERRORS:
        yield f"{type_.name}: a payload has errors: {ERRORS}"
    for name, field in type_.fields.items():
        if name != "errors" and isinstance(field.type, GraphQLNonNull):
            yield f"{type_.name}.{name}: is null where nothing was changed, so its type must allow that"


def main(path: Path) -> int:
    try:
        found = problems(build_schema(path.read_text(encoding="utf-8")))
    except GraphQLError as error:
        found = [str(error)]
    for problem in found:
        sys.stderr.write(f"{path}: {problem}\n")
    sys.stdout.write(f"{path}: {len(found)} problems\n" if found else f"{path}: the schema keeps the rules\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "schema.graphql")))
