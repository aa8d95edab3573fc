"""How SQLite's columns keep field values: booleans as 0 and 1, times as microseconds since 1970 UTC, sets as JSON."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from engine.storage.field_values import (
    Encoders,
    as_boolean,
    as_integer,
    as_string,
    as_strings,
    as_time,
    encode_value,
)
from engine.storage.indexes import Collection, FieldType
from engine.storage.port import FieldValue

Cell = str | int | None
Cells = tuple[Cell, ...]
"""One for each declared field of a collection, in the order of its declaration."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

SQL_TYPE: Mapping[FieldType, str] = {
    FieldType.STRING: "TEXT",
    FieldType.INTEGER: "INTEGER",
    FieldType.BOOLEAN: "INTEGER",
    FieldType.TIME: "INTEGER",
    FieldType.STRINGS: "TEXT",
}


def _time(value: FieldValue) -> Cell:
    return (as_time(value) - _EPOCH) // _MICROSECOND


def _strings(value: FieldValue) -> Cell:
    return orjson.dumps(as_strings(value)).decode()


ENCODERS: Encoders[Cell] = {
    FieldType.STRING: as_string,
    FieldType.INTEGER: as_integer,
    FieldType.BOOLEAN: as_boolean,
    FieldType.TIME: _time,
    FieldType.STRINGS: _strings,
}
"""Each takes a value that is not None, and raises TypeError for one of another type."""


def encode_cell(collection: Collection, field: str, value: FieldValue) -> Cell:
    """Raises `UndeclaredField`."""
    return encode_value(ENCODERS, collection, field, value)


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
