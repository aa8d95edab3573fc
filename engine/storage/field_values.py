"""What the types of declared fields take, the same in every store."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from engine.storage.indexes import Collection, FieldType
from engine.storage.paths import encodable
from engine.storage.port import FieldValue, UndeclaredField

T = TypeVar("T")

_INTEGERS = range(-(2**63), 2**63)


def as_string(value: FieldValue) -> str:
    """A plain str also of a StrEnum, so that stored and given values compare equal. Raises TypeError, as all of these do."""
    if isinstance(value, str) and encodable(value):
        return str.__str__(value)
    raise TypeError


def as_integer(value: FieldValue) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value in _INTEGERS:
        return value
    raise TypeError


def as_boolean(value: FieldValue) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError


def as_time(value: FieldValue) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    raise TypeError


def as_strings(value: FieldValue) -> tuple[str, ...]:
    if isinstance(value, tuple) and all(isinstance(each, str) and encodable(each) for each in value):
        return value
    raise TypeError


Encoders = Mapping[FieldType, Callable[[FieldValue], T]]
"""How a store keeps a value that is not None. Each raises TypeError for one of another type."""


def encode_value(encoders: Encoders[T], collection: Collection, field: str, value: FieldValue) -> T | None:
    """None for None. Raises `UndeclaredField`."""
    declared = collection.type_of(field)
    try:
        return None if value is None else encoders[declared](value)
    except TypeError as error:
        raise wrong_type(collection, field, value) from error


def wrong_type(collection: Collection, field: str, value: FieldValue) -> UndeclaredField:
    return UndeclaredField(f"{collection.name}.{field} takes a {collection.type_of(field)}, not {value!r:.100}")
