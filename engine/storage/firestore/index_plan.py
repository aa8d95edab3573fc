"""The indexes that Firestore must have, made from the declarations in `storage/indexes.py`; see docs/decisions/0010."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from engine.storage.indexes import COLLECTIONS, Collection, Shape
from engine.storage.port import Order

EVERY_FIELD = "*"
"""Firestore's name for the fields of a collection that have no configuration of their own."""
EXPIRY = "expire_at"
PARENTS = frozenset({"tenants", "workflows", "executions", "batches", "lanes"})
"""Collections whose documents have collections below them. Firestore's expiry would delete such a document and leave those
behind for ever, so it is off for them: `runtime/retention.py` deletes from below.
"""


class Scope(StrEnum):
    COLLECTION = "COLLECTION"
    """Queries within one parent."""
    COLLECTION_GROUP = "COLLECTION_GROUP"
    """Queries over all parents. Neither scope serves the other's queries."""


class Mode(StrEnum):
    ASCENDING = "ASCENDING"
    DESCENDING = "DESCENDING"
    CONTAINS = "CONTAINS"
    """One entry for each element of an array."""


class IndexField(NamedTuple):
    path: str
    mode: Mode


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """A sorted list of the documents that have all of `fields`. Behind the last one Firestore sorts by document name, in the same
    direction.
    """

    collection: str
    scope: Scope
    fields: tuple[IndexField, ...]

    @property
    def composite(self) -> bool:
        return len(self.fields) > 1

    def __str__(self) -> str:
        fields = ", ".join(f"{each.path} {each.mode.lower()}" for each in self.fields)
        return f"{self.collection}: {fields}{' over all parents' if self.scope is Scope.COLLECTION_GROUP else ''}"


class FieldConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What replaces Firestore's automatic indexes of one field (or of `EVERY_FIELD` else), and whether it is the time at which a
    document is deleted.
    """

    collection: str
    path: str
    indexes: frozenset[tuple[Scope, Mode]] = frozenset()
    expires: bool = False

    def __str__(self) -> str:
        return f"{self.collection}.{self.path}"

    def single_fields(self) -> Iterator[Index]:
        for scope, mode in sorted(self.indexes):
            yield Index(collection=self.collection, scope=scope, fields=(IndexField(self.path, mode),))


class IndexPlan(msgspec.Struct, frozen=True, kw_only=True):
    composites: tuple[Index, ...]
    fields: tuple[FieldConfig, ...]

    def indexes(self) -> Iterator[Index]:
        """All of them, of one field and of several."""
        yield from self.composites
        for each in self.fields:
            yield from each.single_fields()


def plan_indexes(collections: Iterable[Collection] = tuple(COLLECTIONS.values())) -> IndexPlan:
    """For each collection in turn. Fields that no query needs alone are not indexed: that saves writes, and an index of rising values
    takes 500 writes a second at most.
    """
    composites: list[Index] = []
    fields: list[FieldConfig] = []
    for collection in collections:
        indexes = list(_needed(collection))
        composites += [index for index in indexes if index.composite]
        fields += _field_configs(collection.name, [index for index in indexes if not index.composite])
    return IndexPlan(composites=tuple(composites), fields=tuple(fields))


def _needed(collection: Collection) -> Iterator[Index]:
    """Without one that has the same fields in another sequence where that makes no difference."""
    seen = set()
    for shape in collection.shapes:
        if shape.embedded:
            continue
        scope = Scope.COLLECTION_GROUP if shape.group else Scope.COLLECTION
        for order in _orders(shape):
            for equal in _prefixes(shape, order):
                identity = (scope, frozenset(equal), order)
                fields = (*equal, *map(_ordered, order))
                if fields and identity not in seen:
                    seen.add(identity)
                    yield Index(collection=collection.name, scope=scope, fields=fields)


def _orders(shape: Shape) -> Iterator[tuple[Order, ...]]:
    """A count within one parent has no order, and must find documents that lack the field which another query orders by."""
    yield from shape.orders
    if not shape.group and () not in shape.orders:
        yield ()


def _prefixes(shape: Shape, order: tuple[Order, ...]) -> Iterator[tuple[IndexField, ...]]:
    """What the indexes of one order begin with. Firestore merges those that end alike, so one for each optional field serves every
    subset of them; a group of fields that deserves an index of its own has one, which spares the merge.
    """
    singles = dict.fromkeys(field for key in shape.keys for field in key)
    members = [IndexField(field, Mode.CONTAINS) for field in shape.contains]
    required = _equal(*shape.required)
    if order:
        yield required
        yield from ((*required, each) for each in (*_equal(*singles), *members))
    else:
        yield from ((each,) for each in (*required, *_equal(*singles), *members))
    yield from ((*required, *_equal(*key)) for key in shape.keys if len(key) > 1)


def _equal(*fields: str) -> tuple[IndexField, ...]:
    return tuple(IndexField(field, Mode.ASCENDING) for field in fields)


def _ordered(order: Order) -> IndexField:
    return IndexField(order.field, Mode.DESCENDING if order.descending else Mode.ASCENDING)


def _field_configs(collection: str, indexes: list[Index]) -> Iterator[FieldConfig]:
    """The one for every other field comes last: while they are applied in turn, no query loses its index."""
    paths = dict.fromkeys([*(index.fields[0].path for index in indexes), EXPIRY])
    for path in paths:
        modes = {(index.scope, index.fields[0].mode) for index in indexes if index.fields[0].path == path}
        expires = path == EXPIRY and collection not in PARENTS
        yield FieldConfig(collection=collection, path=path, indexes=frozenset(modes), expires=expires)
    yield FieldConfig(collection=collection, path=EVERY_FIELD)
