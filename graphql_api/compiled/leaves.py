"""How scalars and enums are written: a quick way for the values that they nearly always have, and the way of the schema for
all others.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLScalarType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from graphql_api.compiled.awaiting import PLAIN
from graphql_api.room import LONG, counted
from graphql_api.types.scalars import write_date_time

Write = Callable[[Any], Any]


class Quick(NamedTuple):
    """Source text: where `fits` holds of the value `{v}`, the schema writes `written`. `{a}` and `{b}` stand for `constants`.

    What is `certain` to be of a class in `PLAIN` need not be looked at.
    """

    fits: str
    written: str | None = None
    constants: tuple[Any, ...] = ()
    certain: bool = True


_BUILT_IN = {
    GraphQLString: Quick(f"type({{v}}) is str and len({{v}}) < {LONG}"),
    GraphQLID: Quick("type({v}) is str"),
    GraphQLInt: Quick(
        "type({v}) is int and {v} < 1073741823 and {v} > -1073741823"
    ),  # a range that Python compares quickly
    GraphQLFloat: Quick("type({v}) is float and {v} - {v} == 0.0"),  # neither NaN nor infinite
    GraphQLBoolean: Quick("type({v}) is bool"),
}
_MOMENT = Quick("type({v}) is {a} and {v}.tzinfo is {b} and {v}.microsecond", None, (datetime, UTC))
"""Moments that the encoder of the response writes as the scalar does (see `write_json`), in a tenth of the time."""


@lru_cache(500)
def quick_way(type_: GraphQLLeafType) -> Quick | None:
    if isinstance(type_, CustomGraphQLEnumType):
        return _enum(type_)
    if isinstance(type_, GraphQLScalarType):
        if type_.coerce_output_value is write_date_time:
            return _MOMENT
        of_any = Quick("type({v}) in {a}", "{b}({v})", (PLAIN, type_.coerce_output_value), certain=False)
        built_in: Quick | None = _BUILT_IN.get(type_)
        return built_in or of_any
    return None


def _enum(type_: CustomGraphQLEnumType) -> Quick | None:
    """By the values of its members, where these are texts: what else they may be, the schema compares one by one."""
    names: dict[Any, str] = {}
    for name, value in type_.values.items():
        if value.value.__class__ is not str:
            return None
        names.setdefault(value.value, name)
    members: list[Any] = list(type_.wrapped_cls)
    if any(member._value_ not in names for member in members):
        return None
    return Quick("type({v}) is {a}", "{b}[{v}._value_]", (type_.wrapped_cls, names))


def slow_way(type_: GraphQLLeafType) -> Write:
    """Of a value that is neither null nor an exception."""
    coerce: Write = type_.coerce_output_value

    def write(value: Any) -> Any:
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise TypeError(
                f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})` to return non-nullable value,"
                f" returned: {inspect(coerced)}"
            )
        return counted(coerced) if type_ is GraphQLString and len(coerced) >= LONG else coerced

    return write
