"""Queries out of the declarations in `storage/indexes.py`, so that a new declaration is tested without another line."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product

import msgspec
from hypothesis import strategies as st

from engine.storage.indexes import COLLECTIONS, Collection, FieldType, Shape
from engine.storage.port import FieldValue, Filter, Op, Order

_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_STRINGS = ("", "a", "b", "é", "𝄞")
VALUES: Mapping[FieldType, tuple[FieldValue, ...]] = {
    FieldType.STRING: _STRINGS,
    FieldType.INTEGER: (-1, 0, 2**40),
    FieldType.BOOLEAN: (False, True),
    FieldType.TIME: tuple(_NOON + timedelta(microseconds=n) for n in (0, 1, 10**6)),
    FieldType.STRINGS: ((), ("a",), ("b", "a"), ("é", "b", "b")),
}
"""Few, so that documents agree and collide."""


class DeclaredQuery(msgspec.Struct, frozen=True, kw_only=True):
    collection: Collection
    shape: Shape
    filters: tuple[Filter, ...]
    order: tuple[Order, ...]


def every_query() -> Iterator[DeclaredQuery]:
    """Each shape with each of its orders and indexes, with and without CONTAINS, IN and a range."""
    for collection in COLLECTIONS.values():
        for shape in collection.shapes:
            keys = ((), *shape.keys)
            contains = (None, *shape.contains)
            for order, key, member, in_, ranged in product(shape.orders, keys, contains, (False, True), (False, True)):
                equal = [_equal(shape, field, in_=in_) for field in (*shape.required, *key)]
                held = [Filter(member, Op.CONTAINS, "a")] if member else []
                first = order[0].field if order else None
                bounds = VALUES[collection.fields[first]] if first else ()
                ends = [Filter(first, Op.GE, bounds[0]), Filter(first, Op.LT, bounds[1])] if first and ranged else []
                yield DeclaredQuery(collection=collection, shape=shape, filters=(*equal, *held, *ends), order=order)


def _equal(shape: Shape, field: str, *, in_: bool) -> Filter:
    return Filter(field, Op.IN, ("a", "b")) if in_ and field == shape.any_of else Filter(field, Op.EQ, "a")


@st.composite
def queries(draw: st.DrawFn, collection: Collection) -> DeclaredQuery:
    shape = draw(st.sampled_from(collection.shapes))
    order = draw(st.sampled_from(shape.orders))
    optional = sorted(shape.equality_fields - set(shape.required))
    chosen = draw(st.sets(st.sampled_from(optional))) if optional else set()
    fields = [*shape.required, *sorted(chosen)]
    filters = [draw(_equality(collection, shape, field)) for field in fields]
    contains: bool = draw(st.booleans())
    if shape.contains and contains:
        filters.append(Filter(draw(st.sampled_from(shape.contains)), Op.CONTAINS, draw(st.sampled_from(_STRINGS))))
    if order:
        filters += draw(st.lists(_range(collection, order[0].field), max_size=2))
    return DeclaredQuery(collection=collection, shape=shape, filters=tuple(draw(st.permutations(filters))), order=order)


def _equality(collection: Collection, shape: Shape, field: str) -> st.SearchStrategy[Filter]:
    one = st.builds(Filter, st.just(field), st.just(Op.EQ), st.sampled_from(VALUES[collection.fields[field]]))
    if field != shape.any_of:
        return one
    several = st.lists(st.sampled_from(_STRINGS), max_size=4).map(tuple)
    return one | st.builds(Filter, st.just(field), st.just(Op.IN), several)


def _range(collection: Collection, field: str) -> st.SearchStrategy[Filter]:
    ops = st.sampled_from((Op.LT, Op.LE, Op.GT, Op.GE))
    return st.builds(Filter, st.just(field), ops, st.sampled_from(VALUES[collection.fields[field]]))


def fields_of(collection: Collection) -> st.SearchStrategy[dict[str, FieldValue]]:
    of = {name: st.sampled_from((None, *VALUES[declared])) for name, declared in collection.fields.items()}
    return st.fixed_dictionaries({}, optional=of)
