"""Tables and indexes out of the declarations in `storage/indexes.py`.

A collection is a table with a column for each declared field. A field that CONTAINS looks into has a second table, with
a row for each of its strings, that repeats what queries order by: so they too are answered from one index.
"""

from collections.abc import Iterator, Mapping

import msgspec

from engine.storage.indexes import Collection, Shape
from engine.storage.port import Order
from engine.storage.sqlite.columns import SQL_TYPE

_NEVER_NULL = frozenset({"parent", "id", "value"})


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of equal `equality` columns stand together, sorted by `order`, which ends in what tells documents apart."""

    table: str
    equality: tuple[str, ...]
    order: tuple[Order, ...]

    @property
    def mixed(self) -> bool:
        """Whether directions differ. Otherwise the index ascends, and is read both ways."""
        return len({each.descending for each in self.order}) > 1

    @property
    def name(self) -> str:
        words = [f"{each.field}_desc" if self.mixed and each.descending else each.field for each in self.order]
        return "__".join((self.table, *self.equality, *words))

    @property
    def present(self) -> tuple[str, ...]:
        """Rows without one of these fields are not in it, which keeps it small: what is asked by equality, and across
        parents, where `Shape.counts` allows for it, what is ordered by first.
        """
        across = "parent" not in self.equality
        fields = (*self.equality, *(each.field for each in self.order[:1] if across))
        return tuple(field for field in fields if field not in _NEVER_NULL)

    @property
    def sql(self) -> str:
        words = [f"{each.field} DESC" if self.mixed and each.descending else each.field for each in self.order]
        columns = [*self.equality, *words]
        unique = "UNIQUE " if columns == ["parent", "id"] else ""
        present = " AND ".join(f"{field} IS NOT NULL" for field in self.present)
        where = f" WHERE {present}" if present else ""
        return f"CREATE {unique}INDEX {self.name} ON {self.table} ({', '.join(columns)}){where}"


class Members(msgspec.Struct, frozen=True):
    """The table behind a field that CONTAINS looks into. `carried` are the fields it repeats."""

    collection: str
    field: str
    carried: tuple[str, ...]

    @property
    def table(self) -> str:
        return f"{self.collection}__{self.field}"

    @property
    def columns(self) -> tuple[str, ...]:
        return ("document", "value", "parent", "id", *self.carried)


def document_index(collection: Collection, shape: Shape, key: tuple[str, ...], order: tuple[Order, ...]) -> Index:
    """The index for queries of that shape and order which have equality on `shape.required` and on `key`."""
    equality = (*shape.required, *key)
    if not shape.group:
        return Index(table=collection.name, equality=("parent", *equality), order=_total(order, "id"))
    return Index(table=collection.name, equality=equality, order=_total(order, "parent", "id"))


def member_index(members: Members, order: tuple[Order, ...]) -> Index:
    return Index(table=members.table, equality=("parent", "value"), order=_total(order, "id"))


def _total(order: tuple[Order, ...], *last: str) -> tuple[Order, ...]:
    descending = bool(order) and order[-1].descending
    return (*order, *(Order(field, descending) for field in last))


def members_of(collection: Collection) -> tuple[Members, ...]:
    shapes_of: dict[str, list[Shape]] = {}
    for shape in collection.shapes:
        for field in shape.contains:
            shapes_of.setdefault(field, []).append(shape)
    return tuple(Members(collection.name, field, _ordering_fields(shapes)) for field, shapes in shapes_of.items())


def _ordering_fields(shapes: list[Shape]) -> tuple[str, ...]:
    return tuple(sorted({each.field for shape in shapes for order in shape.orders for each in order}))


class TableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`fixed` are column definitions that never change; `fields` are the declared fields with their SQL types."""

    name: str
    fixed: tuple[str, ...]
    fields: Mapping[str, str]
    last: tuple[str, ...]
    options: str = ""

    @property
    def sql(self) -> str:
        columns = (*self.fixed, *(f"{name} {kind}" for name, kind in self.fields.items()), *self.last)
        return f"CREATE TABLE {self.name} ({', '.join(columns)}) {self.options}"


def document_table(collection: Collection) -> TableSpec:
    return TableSpec(
        name=collection.name,
        fixed=("key INTEGER PRIMARY KEY", "parent TEXT NOT NULL", "id TEXT NOT NULL", "rev INTEGER NOT NULL"),
        fields={name: SQL_TYPE[declared] for name, declared in collection.fields.items()},
        last=("body BLOB NOT NULL",),  # behind the fields, which are then read without it
    )


def member_table(collection: Collection, members: Members) -> TableSpec:
    return TableSpec(
        name=members.table,
        fixed=("document INTEGER NOT NULL", "value TEXT NOT NULL", "parent TEXT NOT NULL", "id TEXT NOT NULL"),
        fields={name: SQL_TYPE[collection.fields[name]] for name in members.carried},
        last=("PRIMARY KEY (document, value)",),
        options="WITHOUT ROWID",
    )


def indexes(collection: Collection) -> Iterator[Index]:
    members = {each.field: each for each in members_of(collection)}
    for shape in collection.shapes:
        for order in shape.orders:
            yield from (document_index(collection, shape, key, order) for key in ((), *shape.keys))
            yield from (member_index(members[field], order) for field in shape.contains)
