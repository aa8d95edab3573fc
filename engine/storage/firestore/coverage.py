"""Whether a set of indexes serves a query, by the rules that Firestore documents. Its emulator answers without any index, so this is
what tells a query that production would refuse.
"""

from collections.abc import Iterable, Sequence

import msgspec

from engine.storage.firestore.index_plan import Index, Mode, Scope
from engine.storage.indexes import RANGE
from engine.storage.port import Filter, Op, Order


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A query or a count, as far as indexes are concerned. IN is a union of equalities, each of which needs the same indexes."""

    collection: str
    scope: Scope
    fixed: frozenset[tuple[str, bool]]
    """Fields that have one value, and whether they are arrays that contain it."""
    order: tuple[Order, ...]


def asked(collection: str, filters: Sequence[Filter], order: Sequence[Order], *, group: bool) -> Asked | None:
    """None where Firestore refuses the query whatever indexes there are: a range on another field than the first of the order, or
    more than one CONTAINS.
    """
    ranges = {each.field for each in filters if each.op in RANGE}
    implied = tuple(order) or tuple(Order(field) for field in sorted(ranges))
    contains = [each for each in filters if each.op is Op.CONTAINS]
    if ranges - {each.field for each in implied[:1]} or len(contains) > 1:
        return None
    return Asked(
        collection=collection,
        scope=Scope.COLLECTION_GROUP if group else Scope.COLLECTION,
        fixed=frozenset((each.field, each.op is Op.CONTAINS) for each in filters if each.op not in RANGE),
        order=implied,
    )


def serving(indexes: Iterable[Index], query: Asked) -> tuple[Index, ...] | None:
    """Those that serve it: several are merged; an empty tuple is the documents themselves, by name. None if it is refused."""
    if not query.fixed and not query.order:
        return ()
    usable = [(index, head) for index in indexes if (head := _fixed_by(index, query)) is not None]
    chosen: list[Index] = []
    left = query.fixed
    while left or not chosen:
        best = max(usable, key=lambda each: len(each[1] & left), default=None)
        if best is None or (left and not best[1] & left):
            return None
        chosen.append(best[0])
        left -= best[1]
    return tuple(chosen)


def _fixed_by(index: Index, query: Asked) -> frozenset[tuple[str, bool]] | None:
    """The fields at the front of an index that the query fixes, if behind them it sorts exactly as the query does."""
    if (index.collection, index.scope) != (query.collection, query.scope):
        return None
    cut = len(index.fields) - len(query.order)
    head, tail = index.fields[: max(cut, 0)], index.fields[max(cut, 0) :]
    fixed = frozenset((field.path, field.mode is Mode.CONTAINS) for field in head)
    sorts = [(field.path, field.mode) for field in tail]
    wanted = [(each.field, Mode.DESCENDING if each.descending else Mode.ASCENDING) for each in query.order]
    by_name_upwards = bool(tail) or head[-1].mode is not Mode.DESCENDING
    fits = sorts == wanted and by_name_upwards and fixed <= query.fixed and bool(fixed) == bool(query.fixed)
    return fixed if fits else None
