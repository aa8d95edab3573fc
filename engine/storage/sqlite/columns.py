"""How SQLite's columns keep field values: booleans as 0 and 1, times as microseconds since 1970 UTC, sets as JSON."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from engine.storage.indexes import Collection, FieldType
from engine.storage.paths import encodable
from engine.storage.port import FieldValue, UndeclaredField

Cell = str | int | None
Cells = tuple[Cell, ...]
"""One for each declared field of a collection, in the order of its declaration."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INTEGERS = range(-(2**63), 2**63)

SQL_TYPE: Mapping[FieldType, str] = {
    FieldType.STRING: "TEXT",
    FieldType.INTEGER: "INTEGER",
    FieldType.BOOLEAN: "INTEGER",
    FieldType.TIME: "INTEGER",
    FieldType.STRINGS: "TEXT",
}


def _string(value: FieldValue) -> Cell:
    if isinstance(value, str) and encodable(value):
        return str.__str__(value)  # a plain str also of a StrEnum, so that stored and given values compare equal
    raise TypeError


def _integer(value: FieldValue) -> Cell:
    if isinstance(value, int) and not isinstance(value, bool) and value in _INTEGERS:
        return value
    raise TypeError


def _boolean(value: FieldValue) -> Cell:
    if isinstance(value, bool):
        return int(value)
    raise TypeError


def _time(value: FieldValue) -> Cell:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return (value - _EPOCH) // _MICROSECOND
    raise TypeError


def _strings(value: FieldValue) -> Cell:
    if isinstance(value, tuple) and all(isinstance(each, str) and encodable(each) for each in value):
        return orjson.dumps(value).decode()
    raise TypeError


ENCODERS: Mapping[FieldType, Callable[[FieldValue], Cell]] = {
    FieldType.STRING: _string,
    FieldType.INTEGER: _integer,
    FieldType.BOOLEAN: _boolean,
    FieldType.TIME: _time,
    FieldType.STRINGS: _strings,
}
"""Each takes a value that is not None, and raises TypeError for one of another type."""


def encode_cell(collection: Collection, field: str, value: FieldValue) -> Cell:
    """Raises `UndeclaredField`."""
    declared = collection.type_of(field)
    try:
        return None if value is None else ENCODERS[declared](value)
    except TypeError as error:
        raise UndeclaredField(f"{collection.name}.{field} takes a {declared}, not {value!r:.100}") from error


DECODERS: Mapping[FieldType, Callable[[Any], FieldValue]] = {
    FieldType.STRING: lambda cell: cell,
    FieldType.INTEGER: lambda cell: cell,
    FieldType.BOOLEAN: bool,
    FieldType.TIME: lambda cell: _EPOCH + timedelta(microseconds=cell),
    FieldType.STRINGS: lambda cell: tuple(orjson.loads(cell)),
}

Layout = Mapping[str, tuple[int, Callable[[Any], FieldValue]]]
"""Where each field stands in a row, and how it is read."""


class RowFields(Mapping[str, FieldValue]):
    """The fields of a stored document, decoded when they are looked at: most readers want the body alone."""

    __slots__ = ("_layout", "_row")

    def __init__(self, layout: Layout, row: tuple[Any, ...]) -> None:
        self._layout = layout
        self._row = row

    def __getitem__(self, name: str) -> FieldValue:
        position, decode = self._layout[name]
        cell = self._row[position]
        if cell is None:
            raise KeyError(name)
        return decode(cell)

    def __iter__(self) -> Iterator[str]:
        return (name for name, (position, _) in self._layout.items() if self._row[position] is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))
