"""The simplest thing that keeps the DocumentStore contract: a dictionary and full scans."""

from collections.abc import Callable, Mapping, Sequence
from functools import cmp_to_key, partial
from typing import Any

from engine.storage.port import Conflict, Create, Delete, Document, FieldValue, Filter, Op, Order, Write

_COMPARISONS: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: lambda found, asked: found == asked,
    Op.LT: lambda found, asked: found < asked,
    Op.LE: lambda found, asked: found <= asked,
    Op.GT: lambda found, asked: found > asked,
    Op.GE: lambda found, asked: found >= asked,
    Op.IN: lambda found, asked: found in asked,
    Op.CONTAINS: lambda found, asked: asked in found,
}


class Dictionary:
    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self._collections: dict[str, dict[str, Document]] = {}
        """The same documents by the name of their collection."""

    def commit(self, writes: Sequence[Write]) -> None:
        for write in writes:
            self._check(write)
        for write in writes:
            self._apply(write)

    def _check(self, write: Write) -> None:
        stored = self.documents.get(write.path)
        if isinstance(write, Create):
            if stored is not None:
                raise Conflict(write.path)
        elif write.if_rev is not None and (stored is None or stored.rev != write.if_rev):
            raise Conflict(write.path)

    def _apply(self, write: Write) -> None:
        named = self._named(write.path.rpartition("/")[0])
        if isinstance(write, Delete):
            self.documents.pop(write.path, None)
            named.pop(write.path, None)
            return
        before = self.documents.get(write.path)
        fields = {name: value for name, value in write.fields.items() if value is not None}
        rev = before.rev + 1 if before else 1
        document = Document(path=write.path, rev=rev, fields=fields, body=write.body)
        self.documents[write.path] = named[write.path] = document

    def matching(self, collection: str, filters: Sequence[Filter]) -> list[Document]:
        return [
            each
            for each in self._named(collection).values()
            if _within(each.path, collection) and all(_matches(each, asked) for asked in filters)
        ]

    def _named(self, collection: str) -> dict[str, Document]:
        return self._collections.setdefault(collection.rpartition("/")[2], {})

    def query(self, collection: str, filters: Sequence[Filter], order: Sequence[Order]) -> list[Document]:
        """Everything that a query finds, in order."""
        found = [each for each in self.matching(collection, filters) if all(o.field in each.fields for o in order)]
        return sorted(found, key=cmp_to_key(partial(compare, order=order)))


def compare(left: Document, right: Document, order: Sequence[Order]) -> int:
    """Below 0 where `left` comes before `right`."""
    down = bool(order) and order[-1].descending
    for field, descending in (*((each.field, each.descending) for each in order), ("", down)):
        one, other = _key(left, field), _key(right, field)
        if one != other:
            return -1 if (one < other) is not descending else 1
    return 0


def _key(document: Document, field: str) -> Any:
    return document.fields[field] if field else document.path


def _within(path: str, collection: str) -> bool:
    parent = path.rpartition("/")[0]
    return parent == collection or ("/" not in collection and parent.rpartition("/")[2] == collection)


def _matches(document: Document, asked: Filter) -> bool:
    found: FieldValue = document.fields.get(asked.field)
    return found is not None and asked.value is not None and _COMPARISONS[asked.op](found, asked.value)
