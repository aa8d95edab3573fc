"""How a field gets its value, as far as Strawberry's wrapping of it is understood: what is not, is left to the wrapper."""

from typing import Any, NamedTuple

from graphql import GraphQLField, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.info import Info

_WRAPPER = "GraphQLCoreConverter.from_resolver.<locals>."
_SUBSCRIPTION = "GraphQLCoreConverter.from_field.<locals>.<lambda>"
_NOT_FOUND = object()


class Attribute(NamedTuple):
    """An attribute of the source, or, with dots in its `name`, of its attributes."""

    name: str


class Method(NamedTuple):
    """A function that Strawberry calls without anything around it."""

    field: StrawberryField
    resolver: StrawberryResolver[Any]


class Event(NamedTuple):
    """The source itself: the root of a subscription, for each event."""


class Wrapped(NamedTuple):
    """Whatever the schema has: it is called as graphql-core would."""


Way = Attribute | Method | Event | Wrapped


def way_of(definition: GraphQLField, schema: GraphQLSchema) -> Way:
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(field, StrawberryField) or _made(definition.resolve) is None:
        return Wrapped()
    if field.is_subscription:
        return Event() if _made(definition.resolve) == _SUBSCRIPTION else Wrapped()
    if not str(_made(definition.resolve)).startswith(_WRAPPER):
        return Wrapped()
    if field.is_basic_field:
        plain = field.default_resolver is getattr and str(field.python_name).isidentifier()
        return Attribute(field.python_name) if plain and _handlers(definition.resolve) == () else Wrapped()
    resolver = field.base_resolver
    alone = not field.extensions and not field.permission_classes and _handlers(definition.resolve) == ()
    usual = type(field) is StrawberryField and _config(schema).info_class is Info
    if resolver is None or not alone or not usual:
        return Wrapped()
    reads = getattr(resolver.wrapped_func, "reads", None)
    return Attribute(reads) if reads and not definition.args else Method(field, resolver)


def _made(function: Any) -> str | None:
    """The qualified name of a function that Strawberry has made for a field."""
    return function.__qualname__ if getattr(function, "__module__", "") == GraphQLCoreConverter.__module__ else None


def _handlers(function: Any) -> object:
    """The exception handlers that the wrapper has for the field."""
    names = function.__code__.co_freevars
    if "_get_basic_result" in function.__qualname__:
        return ()
    if "field_exception_handlers" not in names:
        return _NOT_FOUND
    return function.__closure__[names.index("field_exception_handlers")].cell_contents


def _config(schema: GraphQLSchema) -> StrawberryConfig:
    config: StrawberryConfig = schema._strawberry_schema.config  # type: ignore[attr-defined]  # noqa: SLF001 # Strawberry's mark
    return config
