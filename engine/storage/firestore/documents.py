"""Documents as Firestore keeps them: the body as bytes, the declared fields that are not None, and two of the store's own.

`rev` counts the writes. `writers` holds the tokens of the last commits that wrote the document, the newest first: so a commit
whose answer was lost can be recognised, also after others wrote on top of it.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from engine.storage.field_values import as_boolean, as_integer, as_string, as_strings, as_time, wrong_type
from engine.storage.firestore.database import Database
from engine.storage.firestore.messages import Message
from engine.storage.indexes import Collection, FieldType, collection_at
from engine.storage.port import Document, FieldValue

BODY = "body"
REV = "rev"
WRITERS = "writers"
TOKEN_BYTES = 8
WRITERS_KEPT = 8

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class Revision(NamedTuple):
    """What the store has to know of a document to write it on a condition. `update_time` is in seconds and nanoseconds."""

    rev: int
    update_time: tuple[int, int]
    writers: bytes


def revision_of(stored: Message) -> Revision:
    fields = stored.fields
    time = stored.update_time
    rev = fields[REV].integer_value if REV in fields else 0
    return Revision(rev, (time.seconds, time.nanos), fields[WRITERS].bytes_value if WRITERS in fields else b"")


def document_of(stored: Message, database: Database) -> Document:
    path = database.path(stored.name)
    fields = StoredFields(collection_at(path.rpartition("/")[0]), stored.fields)
    body = stored.fields[BODY].bytes_value if BODY in stored.fields else b""
    return Document(path=path, rev=stored.fields[REV].integer_value, fields=fields, body=body)


class StoredFields(Mapping[str, FieldValue]):
    """The fields of a stored document, decoded when they are looked at: most readers want the body alone."""

    __slots__ = ("_collection", "_values")

    def __init__(self, collection: Collection, values: Message) -> None:
        self._collection = collection
        self._values = values

    def __getitem__(self, name: str) -> FieldValue:
        declared = self._collection.fields[name]
        if name not in self._values:  # asking protobuf for a key would make it
            raise KeyError(name)
        return _DECODERS[declared](self._values[name])

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._collection.fields if name in self._values)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


def fill_value(value: Message, collection: Collection, field: str, given: FieldValue) -> None:
    """Puts what is not None into one of Firestore's values. Raises `UndeclaredField`."""
    declared = collection.type_of(field)
    try:
        _ENCODERS[declared](value, given)
    except TypeError as error:
        raise wrong_type(collection, field, given) from error


def _fill_string(value: Message, given: FieldValue) -> None:
    value.string_value = as_string(given)


def _fill_integer(value: Message, given: FieldValue) -> None:
    value.integer_value = as_integer(given)


def _fill_boolean(value: Message, given: FieldValue) -> None:
    value.boolean_value = as_boolean(given)


def _fill_time(value: Message, given: FieldValue) -> None:
    seconds, rest = divmod(as_time(given) - _EPOCH, _SECOND)
    time = value.timestamp_value
    time.SetInParent()  # 1970 is all zeros
    time.seconds, time.nanos = seconds, rest.microseconds * 1000


def _fill_strings(value: Message, given: FieldValue) -> None:
    strings = as_strings(given)
    value.array_value.SetInParent()  # also where there is none
    for each in strings:
        value.array_value.values.add().string_value = as_string(each)


_ENCODERS: Mapping[FieldType, Callable[[Message, FieldValue], None]] = {
    FieldType.STRING: _fill_string,
    FieldType.INTEGER: _fill_integer,
    FieldType.BOOLEAN: _fill_boolean,
    FieldType.TIME: _fill_time,
    FieldType.STRINGS: _fill_strings,
}


def _time(value: Message) -> FieldValue:
    time = value.timestamp_value
    return _EPOCH + timedelta(seconds=time.seconds, microseconds=time.nanos // 1000)


_DECODERS: Mapping[FieldType, Callable[[Message], FieldValue]] = {
    FieldType.STRING: lambda value: str(value.string_value),
    FieldType.INTEGER: lambda value: int(value.integer_value),
    FieldType.BOOLEAN: lambda value: bool(value.boolean_value),
    FieldType.TIME: _time,
    FieldType.STRINGS: lambda value: tuple([each.string_value for each in value.array_value.values]),
}
