"""An executor that reads plain fields without ceremony.

For every field graphql-core builds a path, a ResolveInfo of 15 members and arguments, asks whether the value is
awaitable, and looks through its type; Strawberry adds a resolver of its own. That is 5 us, and in a list nearly all of
it is spent on fields that are an attribute of the source and a scalar of the schema. Those are read here in well under
one.
"""

from asyncio import Future
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import Any, TypeGuard, cast

from graphql import GraphQLEnumType, GraphQLField, GraphQLNonNull, GraphQLObjectType, GraphQLScalarType, GraphQLSchema
from graphql.execution import Executor
from strawberry.schema.schema_converter import GraphQLCoreConverter

Read = Callable[[Any], Any]
PlainFields = dict[str, dict[str, Read]]
"""By type and field: gives the serialized value of the field, or raises where the long way has to decide."""


def is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    """Resolvers give coroutines, loaders futures; nothing else here can be awaited."""
    return isinstance(value, (CoroutineType, Future))


class PlainFieldExecutor(Executor[Any]):
    def __init__(self, *arguments: Any, plain_fields: PlainFields, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._plain_fields = plain_fields

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        """Whatever is not plain, or fails, goes the long way, which also reports it. The order of the selection is kept."""
        plain = self._plain_fields.get(parent_type.name, {})
        results: dict[str, Any] = {}
        others: dict[str, Any] = {}
        for name, details in grouped_field_set.items():
            read = plain.get(details[0].node.name.value)
            try:
                results[name] = read(source_value) if read else None
            except Exception:  # noqa: BLE001 # the long way raises it again, where it is handled
                read = None
            if read is None:
                results[name] = None
                others[name] = details
        if not others:
            return results
        found = super().execute_fields(parent_type, source_value, path, others, position_context)
        if is_awaitable(found):
            return _joined(results, found)
        return results | cast("dict[str, Any]", found)


async def _joined(results: dict[str, Any], found: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return results | await found


def plain_fields_of(schema: GraphQLSchema) -> PlainFields:
    found: PlainFields = {}
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            reads = {name: read for name, field in type_.fields.items() if (read := _read_of(field))}
            found[type_.name] = reads | {"__typename": _constant(type_.name)}
    return found


def _read_of(field: GraphQLField) -> Read | None:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    nullable = not isinstance(field.type, GraphQLNonNull)
    type_ = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    if (
        definition is None
        or not definition.is_basic_field
        or not isinstance(type_, GraphQLScalarType | GraphQLEnumType)
    ):
        return None
    write = _names(type_) if isinstance(type_, GraphQLEnumType) else type_.serialize
    return _nullable(definition.python_name, write) if nullable else _required(definition.python_name, write)


def _names(enum: GraphQLEnumType) -> Read:
    names = {value.value: name for name, value in enum.values.items()}
    return lambda member: names[member.value]


def _nullable(attribute: str, write: Read) -> Read:
    def read(source: Any) -> Any:
        value = getattr(source, attribute)
        return None if value is None else write(value)

    return read


def _required(attribute: str, write: Read) -> Read:
    def read(source: Any) -> Any:
        value = getattr(source, attribute)
        if value is None:
            raise TypeError(f"{attribute} must not be null")
        return write(value)

    return read


def _constant(name: str) -> Read:
    return lambda _: name
