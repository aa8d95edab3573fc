"""The truth of a simulation: a dictionary of documents that checks what a real store checks, and shows every commit to observers."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engine.domain.errors import BadRequest
from engine.storage.indexes import COLLECTIONS, Collection, collection_at, require
from engine.storage.paths import split_document_path
from engine.storage.port import Create, Delete, Document, FieldValue, Filter, Order, Put, Write
from engine.storage.query_values import distinct
from engine.storage.sqlite.changes import changes
from engine.storage.sqlite.columns import DECODERS, encode_cell
from engine.storage.sqlite.parameters import continuation, parameters
from engine.storage.sqlite.tables import Table
from tests.contracts.dictionary import Dictionary, compare

Change = tuple[Document | None, Document | None]
"""Before and after; one of them is there."""
Observer = Callable[[str, Sequence[Change]], None]
"""Given who committed, and what changed, right after it did."""

_TABLES = {each.name: Table(each) for each in COLLECTIONS.values()}


class Database(Dictionary):
    def __init__(self) -> None:
        super().__init__()
        self.observers: list[Observer] = []
        self.commits = 0

    def get(self, path: str) -> Document | None:
        parent, _ = split_document_path(path)
        collection_at(parent)
        return self.documents.get(path)

    def find(self, name: str) -> list[Document]:
        """Every document of the collections of that name."""
        return list(self._named(name).values())

    def commit(self, writes: Sequence[Write], *, by: str = "") -> None:
        changes(writes, _TABLES)  # the checks of values and sizes are everybody's
        plain = [_plain(write) for write in writes]
        before = [self.documents.get(write.path) for write in plain]
        super().commit(plain)
        self.commits += 1
        pairs = [(was, self.documents.get(write.path)) for was, write in zip(before, plain, strict=True)]
        changed = [(was, is_) for was, is_ in pairs if was is not is_]
        for observer in self.observers:
            observer(by, changed)

    def page(
        self,
        collection: str,
        filters: Sequence[Filter],
        order: Sequence[Order],
        start_after: Sequence[FieldValue] | None,
        limit: int,
    ) -> list[Document]:
        if limit < 1:
            raise BadRequest(f"a page has at least one document, not {limit}")
        declared = collection_at(collection)
        require(collection, filters, order)
        parameters(declared, collection, distinct(filters))
        if start_after is not None:
            continuation(declared, order, start_after, group="/" not in collection)
        found = self.query(collection, filters, order)
        if start_after is not None:
            place = _place(declared, collection, order, start_after)
            found = [each for each in found if compare(place, each, order) < 0]
        return found[:limit]

    def count(self, collection: str, filters: Sequence[Filter]) -> int:
        declared = collection_at(collection)
        require(collection, filters, None)
        parameters(declared, collection, distinct(filters))
        return len(self.matching(collection, filters))


def _plain(write: Write) -> Write:
    """Times in UTC, enumerations as strings: as a real store gives them back."""
    if isinstance(write, Delete) or not write.fields:
        return write
    declared = collection_at(write.path.rpartition("/")[0])
    fields = {name: _value(declared, name, value) for name, value in write.fields.items()}
    changed: Create | Put = msgspec.structs.replace(write, fields=fields)
    return changed


def _value(declared: Collection, name: str, value: FieldValue) -> FieldValue:
    return None if value is None else DECODERS[declared.type_of(name)](encode_cell(declared, name, value))


def _place(
    declared: Collection, collection: str, order: Sequence[Order], start_after: Sequence[FieldValue]
) -> Document:
    *values, last = start_after
    fields: dict[str, Any] = {
        each.field: _value(declared, each.field, value) for each, value in zip(order, values, strict=True)
    }
    path = str(last) if "/" not in collection else f"{collection}/{last}"
    return Document(path=path, rev=0, fields=fields, body=b"")
