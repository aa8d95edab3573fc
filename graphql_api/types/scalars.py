"""The scalars DateTime, Duration and JSON: what they read, what they write."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NewType

import strawberry
from graphql import (
    BooleanValueNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    print_ast,
)
from strawberry.types.scalar import ScalarDefinition

from engine.domain.durations import iso_duration, parse_duration
from graphql_api.room import counted

JSON = NewType("JSON", object)
_LARGE = frozenset({dict, list, tuple, str})
"""What may have more than a few bytes."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def write_date_time(moment: datetime) -> str:
    """RFC 3339 in UTC with six digits of a second, so that texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def read_date_time(text: Any) -> datetime:
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise GraphQLError(f"{_shown(text)} is not a DateTime: write RFC 3339 such as 2026-01-31T09:30:00Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError(f"{_shown(text)} is not a DateTime: {error}") from error


def read_duration(text: Any) -> timedelta:
    if not isinstance(text, str):
        raise GraphQLError(f"{_shown(text)} is not a Duration: write ISO 8601 such as PT30S")
    try:
        return parse_duration(text)
    except ValueError as error:
        raise GraphQLError(str(error)) from error


def read_json_literal(  # noqa: PLR0911 # one for each kind
    node: ValueNode, variables: dict[str, Any] | None = None
) -> Any:
    """JSON written inside a document. Variables may stand anywhere in it."""
    match node:
        case ObjectValueNode():
            return {field.name.value: read_json_literal(field.value, variables) for field in node.fields}
        case ListValueNode():
            return [read_json_literal(value, variables) for value in node.values]
        case StringValueNode() | BooleanValueNode():
            return node.value
        case IntValueNode():
            return int(node.value)
        case FloatValueNode():
            return float(node.value)
        case NullValueNode():
            return None
        case VariableNode():
            return (variables or {}).get(node.name.value)
    raise GraphQLError(f"{print_ast(node)} is not JSON: write texts in quotes", node)


def write_json_value(value: Any) -> Any:
    """As it is, if there is room for it in the answer."""
    return counted(value) if value.__class__ in _LARGE and value else value


def _as_it_is(value: Any) -> Any:
    return value


def _shown(value: Any) -> str:
    return repr(value)[:80]


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment in RFC 3339, such as 2026-01-31T09:30:00.000000Z. Written in UTC, always with six digits "
        "of a second; read with any offset and at most six digits.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=write_date_time,
        parse_value=read_date_time,
    ),
    timedelta: strawberry.scalar(
        name="Duration",
        description="An ISO 8601 duration, such as PT30S. Read also as 500ms, 10s, 5m, 2h or 7d; months and years are "
        "refused, since they have no fixed length.",
        serialize=iso_duration,
        parse_value=read_duration,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: object, list, text, number, true, false or null.",
        serialize=write_json_value,
        parse_value=_as_it_is,
        parse_literal=read_json_literal,
    ),
}
"""By the Python type that stands for each in annotations."""
