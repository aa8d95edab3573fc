"""Every collection, every field a query may use, and every shape a query may have, declared once.

An adapter asks `require` before it runs a query, so what is refused on Firestore is refused on a laptop too, and each
adapter makes its indexes from the same declarations. A new query is one more `Shape` here.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from engine.storage.port import Filter, Op, Order, UndeclaredField, UndeclaredQuery

MAX_IN_VALUES = 30
RANGE = frozenset({Op.LT, Op.LE, Op.GT, Op.GE})


class FieldType(StrEnum):
    STRING = "string"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TIME = "time"
    """A datetime with a time zone."""
    STRINGS = "strings"
    """A set of strings, for CONTAINS alone."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A family of queries: equality on all of `required` and any of the fields in `keys`, one CONTAINS, and a range on
    the first field of the order.
    """

    orders: tuple[tuple[Order, ...], ...] = ((),)
    """The orders that may be asked for. An empty one is by document id."""
    required: tuple[str, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    """Optional equality fields, grouped as they deserve an index of their own, the most selective first. Any subset may
    be asked: what one index does not cover is filtered (SQLite) or merged from several indexes (Firestore).
    """
    any_of: str | None = None
    """The one equality field that may be asked with IN as well."""
    contains: tuple[str, ...] = ()
    """Fields of which one may be asked with CONTAINS."""
    group: bool = False
    """Over all collections of that name, whoever their parent is. False: within one parent."""
    embedded: bool = False
    """Asked of an embedded store alone, which this process has to itself and which deletes nothing by itself. Elsewhere nobody pays for
    an index: one of rising times over all parents takes 500 writes a second at most.
    """

    @property
    def equality_fields(self) -> frozenset[str]:
        return frozenset(self.required).union(*self.keys)

    def admits(self, filters: Sequence[Filter], order: tuple[Order, ...]) -> bool:
        """Whether a query of this order, which must be one of `orders`, may have these filters."""
        equal = [f.field for f in filters if f.op is Op.EQ or (f.op is Op.IN and f.field == self.any_of)]
        contains = [f.field for f in filters if f.op is Op.CONTAINS]
        ranges = [f.field for f in filters if f.op in RANGE]
        return (
            len(equal) + len(contains) + len(ranges) == len(filters)
            and len(set(equal)) == len(equal)
            and set(self.required) <= set(equal) <= self.equality_fields
            and len(contains) <= 1
            and set(contains) <= set(self.contains)
            and set(ranges) <= {first.field for first in order[:1]}
        )

    def counts(self, filters: Sequence[Filter]) -> bool:
        """Whether this may serve a count. An index leaves out what lacks a field it orders by, which is right for a count that
        asks for a range of that field, if it is the only one. Over all parents there are no other counts.
        """
        if any(each.op in RANGE for each in filters):
            return all(len(order) < 2 for order in self.orders)  # noqa: PLR2004  # one field
        return not self.group


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    fields: Mapping[str, FieldType]
    shapes: tuple[Shape, ...]

    def type_of(self, field: str) -> FieldType:
        """Raises `UndeclaredField`."""
        declared = self.fields.get(field)
        if declared is None:
            raise UndeclaredField(f"{self.name} has no field {field!r}; it has {', '.join(sorted(self.fields))}")
        return declared


class Declaration(NamedTuple):
    """What covers a query. `order` is one of the shape's; for a count, any that fits."""

    collection: Collection
    shape: Shape
    order: tuple[Order, ...]


def require(collection: str, filters: Sequence[Filter], order: Sequence[Order] | None) -> Declaration:
    """The declaration that covers a query on `collection` (a path, or a bare name for all parents). `order` is None for
    a count. Raises `UndeclaredQuery`.
    """
    declared = collection_at(collection)
    group = "/" not in collection
    for shape in declared.shapes:
        for offered in shape.orders if shape.group is group else ():
            fits = shape.counts(filters) if order is None else offered == tuple(order)
            if fits and shape.admits(filters, offered):
                _check_in(filters)
                return Declaration(declared, shape, offered)
    raise UndeclaredQuery(f"no index is declared for {_described(declared.name, filters, order, group=group)}")


def collection_at(path: str) -> Collection:
    """The declaration of the collection at a path, which is named by its last segment. Raises `UndeclaredQuery`."""
    declared = COLLECTIONS.get(path.rpartition("/")[2])
    if declared is None or path.count("/") % 2:
        raise UndeclaredQuery(f"{path!r} is not a declared collection")
    return declared


def _check_in(filters: Sequence[Filter]) -> None:
    for each in filters:
        if each.op is Op.IN and (not isinstance(each.value, tuple) or len(each.value) > MAX_IN_VALUES):
            raise UndeclaredQuery(f"IN on {each.field} takes a tuple of at most {MAX_IN_VALUES} values")


def _described(name: str, filters: Sequence[Filter], order: Sequence[Order] | None, *, group: bool) -> str:
    asked = ", ".join(f"{each.field} {each.op}" for each in filters) or "no filter"
    by = ", ".join(f"{each.field} {'descending' if each.descending else 'ascending'}" for each in order or ()) or "id"
    ordered = "counted" if order is None else f"ordered by {by}"
    return f"{'all ' if group else ''}{name} with {asked}, {ordered}"


def _up(*fields: str) -> tuple[Order, ...]:
    return tuple(Order(field) for field in fields)


def _down(*fields: str) -> tuple[Order, ...]:
    return tuple(Order(field, descending=True) for field in fields)


_BY_PRIORITY = (*_down("priority"), *_up("created_at"))


def _collection(name: str, fields: Mapping[str, FieldType], *shapes: Shape, swept: bool = False) -> Collection:
    """Every collection can be listed by document id within one parent, and swept for what has expired: `swept` also where the store
    deletes that itself.
    """
    every = (Shape(), Shape(group=True, orders=(_up("expire_at"),), embedded=not swept))
    return Collection(name=name, fields={**fields, "expire_at": FieldType.TIME}, shapes=(*shapes, *every))


_S, _I, _B, _T, _SET = FieldType.STRING, FieldType.INTEGER, FieldType.BOOLEAN, FieldType.TIME, FieldType.STRINGS

_WORKFLOWS = _collection(
    "workflows",
    {"name": _S, "status": _S, "labels": _SET, "created_at": _T},
    Shape(
        orders=(_down("created_at"), _up("created_at"), _up("name"), _down("name")),
        keys=(("status",),),
        any_of="status",
        contains=("labels",),
    ),
)

_EXECUTIONS = _collection(
    "executions",
    {
        "workflow_id": _S,
        "parent_id": _S,
        "trigger_id": _S,
        "batch_id": _S,
        "concurrency_key": _S,
        "lane": _S,
        "status": _S,
        "labels": _SET,
        "created_at": _T,
        "priority": _I,
        "shard": _S,
        "due_at": _T,
        "lease_until": _T,
        "queued_lane": _S,
    },
    Shape(
        orders=(_down("created_at"), _up("created_at")),
        keys=(
            ("parent_id",),
            ("batch_id", "status"),
            ("batch_id",),
            ("concurrency_key",),
            ("trigger_id",),
            ("workflow_id", "status"),
            ("workflow_id",),
            ("status",),
            ("lane",),
        ),
        any_of="status",
        contains=("labels",),
    ),
    Shape(orders=(_BY_PRIORITY,), required=("concurrency_key", "status"), any_of="status"),
    Shape(group=True, orders=(_up("due_at"),), required=("shard",), any_of="shard"),
    Shape(group=True, orders=(_up("lease_until"),), embedded=True),
    Shape(group=True, orders=(_BY_PRIORITY,), required=("shard", "queued_lane"), any_of="shard"),
    Shape(group=True, orders=(_up("queued_lane"),)),
    swept=True,
)

_DUE = Shape(group=True, orders=(_up("due_at"),), required=("shard",), any_of="shard")

_TRIGGERS = _collection(
    "triggers",
    {"kind": _S, "workflow_id": _S, "created_at": _T},
    Shape(orders=(_down("created_at"), _up("created_at")), keys=(("kind",), ("workflow_id",)), any_of="kind"),
    Shape(group=True, orders=(_up("created_at"),), required=("kind",)),
)

_DELIVERIES = _collection(
    "deliveries",
    {"trigger_id": _S, "outcome": _S, "at": _T, "shard": _S, "due_at": _T},
    Shape(orders=(_down("at"), _up("at")), keys=(("trigger_id", "outcome"), ("trigger_id",)), any_of="outcome"),
    _DUE,
)


def _due(name: str) -> Collection:
    """Of things that are to be done at a time, by whoever looks after their shard."""
    return _collection(name, {"shard": _S, "due_at": _T}, _DUE)


COLLECTIONS: Mapping[str, Collection] = {
    declared.name: declared
    for declared in (
        _WORKFLOWS,
        _EXECUTIONS,
        _collection("tenants", {}),
        _collection("names", {}),
        _collection("idempotency", {}),
        _collection("concurrency", {}),
        _collection("cache", {}),
        _collection("versions", {"number": _I}, Shape(orders=(_down("number"), _up("number")))),
        _collection("log", {"last_seq": _I}, Shape(orders=(_up("last_seq"), _down("last_seq")))),
        _collection("runs", {"n": _I}, Shape(orders=(_up("n"),))),
        _collection("blobs", {}),
        _collection(
            "checkpoints",
            {"series": _S, "at": _S, "thread": _S, "run": _S},
            Shape(orders=(_down("at"),), required=("series",)),
            Shape(required=("thread",)),
            Shape(required=("run",)),
        ),
        _collection(
            "memory",
            {"prefixes": _SET, "namespace": _S, "updated_at": _T},
            Shape(orders=((), _down("updated_at")), contains=("prefixes",)),
            Shape(orders=(_up("namespace"),)),
        ),
        _collection(
            "waits",
            {"execution_id": _S, "assignees": _SET, "since": _T},
            Shape(orders=(_down("since"),), keys=(("execution_id",),), contains=("assignees",)),
        ),
        _collection(
            "batches",
            {"created_at": _T, "due_at": _T},
            Shape(orders=(_down("created_at"),)),
            Shape(group=True, orders=(_up("due_at"),)),
        ),
        _collection("chunks", {"n": _I, "has_errors": _B}, Shape(orders=(_up("n"),), keys=(("has_errors",),))),
        _collection("lanes", {}),
        _collection("slots", {}),
        _collection("workers", {}, swept=True),
        _TRIGGERS,
        _DELIVERIES,
        _due("schedules"),
        _due("inbox"),
        _due("buffers"),
        _collection("dedup", {}),
        _collection("throttles", {}),
        _collection("hooks", {}),
        _collection("api_keys", {}),
        _collection("audit", {}),
    )
}
