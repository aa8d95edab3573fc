"""The Python class whose instances are, without asking, objects of a type: Strawberry's own, where nothing but the class
decides.
"""

from typing import Any

from graphql import GraphQLAbstractType, GraphQLObjectType
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.cast import TYPE_CAST_ATTRIBUTE

_CONVERTER = "strawberry.schema.schema_converter"
_UNION = "strawberry.types.union"


def class_of(type_: GraphQLObjectType) -> type[Any] | None:
    """None where there is no such class. An instance may still be `recast`."""
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryObjectDefinition):
        return None
    class_ = definition.origin
    if issubclass(class_, Exception) or hasattr(class_, "__await__"):
        return None
    asked = type_.is_type_of
    by_class = asked is None or (_made_by(asked, _CONVERTER) and definition.concrete_of is None)
    return class_ if by_class else None


def recast(value: object) -> bool:
    """Whether `strawberry.cast` has said that the object is of another type than its class."""
    return getattr(value, TYPE_CAST_ATTRIBUTE, None) is not None


def resolved_by_class(type_: GraphQLAbstractType) -> bool:
    """Whether the type of an object that is not generic is its class."""
    return _made_by(type_.resolve_type, _CONVERTER) or _made_by(type_.resolve_type, _UNION)


def is_generic(type_: GraphQLObjectType) -> bool:
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return not isinstance(definition, StrawberryObjectDefinition) or definition.concrete_of is not None


def _made_by(function: object, module: str) -> bool:
    return getattr(function, "__module__", None) == module and "<locals>" in getattr(function, "__qualname__", "")
