"""Everything that the declarations in `storage/indexes.py` allow to be asked of Firestore, as far as its indexes are concerned."""

from collections.abc import Iterable, Iterator
from itertools import chain, combinations

from engine.storage.firestore.coverage import Asked, asked
from engine.storage.indexes import Collection, Shape
from engine.storage.port import FieldValue, Filter, Op, Order


def every_question(collection: Collection) -> Iterator[Asked]:
    """Each shape's queries and counts, with every subset of its optional filters."""
    for shape in _asked_of_firestore(collection):
        for filters in _filters(shape, _subsets(shape.equality_fields - set(shape.required))):
            for order in shape.orders:
                for ranges in _ranges(order):
                    yield _asked(collection, shape, (*filters, *ranges), order)
                    if shape.counts((*filters, *ranges)):
                        yield _asked(collection, shape, (*filters, *ranges), order if ranges else ())


def grouped_questions(collection: Collection) -> Iterator[Asked]:
    """The queries and counts by those fields that are declared to deserve an index of their own."""
    for shape in _asked_of_firestore(collection):
        for filters in _filters(shape, shape.keys):
            if not any(each.op is Op.CONTAINS for each in filters):
                orders = dict.fromkeys((*shape.orders, ())) if shape.counts(filters) else shape.orders
                yield from (_asked(collection, shape, filters, order) for order in orders)


def _asked_of_firestore(collection: Collection) -> list[Shape]:
    return [shape for shape in collection.shapes if not shape.embedded]


def _filters(shape: Shape, chosen: Iterable[tuple[str, ...]]) -> Iterator[tuple[Filter, ...]]:
    for fields in chosen:
        equal = tuple(Filter(field, Op.EQ, "a") for field in (*shape.required, *fields))
        among = tuple(Filter(each.field, Op.IN, ("a", "b")) if each.field == shape.any_of else each for each in equal)
        for member in (None, *shape.contains):
            held = (Filter(member, Op.CONTAINS, "a"),) if member else ()
            yield from {(*equal, *held), (*among, *held)}


def _subsets(fields: Iterable[str]) -> Iterator[tuple[str, ...]]:
    ordered = sorted(fields)
    return chain.from_iterable(combinations(ordered, size) for size in range(len(ordered) + 1))


def _ranges(order: tuple[Order, ...]) -> Iterator[tuple[Filter, ...]]:
    bounds: tuple[FieldValue, FieldValue] = ("a", "b")
    yield ()
    for first in order[:1]:
        yield Filter(first.field, Op.GE, bounds[0]), Filter(first.field, Op.LT, bounds[1])


def _asked(collection: Collection, shape: Shape, filters: tuple[Filter, ...], order: tuple[Order, ...]) -> Asked:
    question = asked(collection.name, filters, order, group=shape.group)
    assert question is not None, (filters, order)
    return question
