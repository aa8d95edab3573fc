"""Queries as SQL. Each names its index (INDEXED BY), so a plan can neither drift with the data nor fall back to a scan.

Parameters are named: `parent`, `limit`, `f{i}` for the value of filter i (`f{i}_{j}` for those of an IN), and `a{i}`
for what a page starts after, one for each column of the index's order.
"""
# ruff: noqa: S608 - the SQL is put together from declared names; values are parameters

from collections.abc import Sequence

import msgspec

from engine.storage.indexes import Declaration, Shape
from engine.storage.port import Filter, Op, Order
from engine.storage.sqlite.schema import document_index, member_index, members_of


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """`bounded`: the index answers every filter, so the work depends on the page and not on how much is stored."""

    sql: str
    bounded: bool


class Selector:
    """Writes the SQL of queries with these filters; only the number of values of an IN matters, not the values."""

    def __init__(self, declaration: Declaration, filters: Sequence[Filter]) -> None:
        collection, shape, self._order = declaration
        self._filters = filters
        self._group = shape.group
        self._documents = collection.name
        contains = next((each.field for each in filters if each.op is Op.CONTAINS), None)
        if contains is None:
            self._index = document_index(collection, shape, _best_key(shape, filters), self._order)
            self._source = f"{collection.name} AS d INDEXED BY {self._index.name}"
            self._at = "d"
        else:
            members = next(each for each in members_of(collection) if each.field == contains)
            self._index = member_index(members, self._order)
            source = f"{members.table} AS m INDEXED BY {self._index.name}"
            self._source = f"{source} CROSS JOIN {collection.name} AS d ON d.key = m.document"
            self._at = "m"

    def count(self) -> Selection:
        """One row with the number of documents. Never bounded: it reads the index entries of all it counts."""
        return Selection(sql=f"SELECT COUNT(*) FROM {self._source} WHERE {_all_of(self._terms())}", bounded=False)

    def page(self, columns: Sequence[str], *, continued: bool) -> Selection:
        """Rows of `columns`, in order. `continued`: the page starts after something."""
        terms = [f"{self._at}.{each.field} IS NOT NULL" for each in self._order]
        if continued:
            terms.append(self._after())
        found = ", ".join(f"d.{column}" for column in columns)
        spread = next((at for at, each in enumerate(self._filters) if self._spreads(each)), None)
        if spread is None:
            where = _all_of((*self._terms(), *terms))
            sql = f"SELECT {found} FROM {self._source} WHERE {where} {self._sorted(self._at)}"
        else:
            branches = self._branches(spread, terms)
            source = f"({branches}) AS b CROSS JOIN {self._documents} AS d ON d.key = b.key"
            sql = f"SELECT {found} FROM {source} {self._sorted('b')}"
        return Selection(sql=sql, bounded=all(map(self._indexed, self._filters)))

    def _spreads(self, each: Filter) -> bool:
        return each.op is Op.IN and each.field in self._index.equality

    def _branches(self, spread: int, terms: Sequence[str]) -> str:
        """The keys for each value of an IN. One value's come sorted out of the index; all at once would not."""
        each = self._filters[spread]
        columns = ", ".join(f"d.{order.field}" for order in self._index.order)
        branches = []
        for value in _values(each):
            where = _all_of((f"d.{each.field} = :f{spread}_{value}", *self._terms(without=spread), *terms))
            branch = f"SELECT d.key, {columns} FROM {self._source} WHERE {where} {self._sorted('d')}"
            branches.append(f"SELECT * FROM ({branch})")
        return " UNION ALL ".join(branches)

    def _terms(self, without: int | None = None) -> list[str]:
        terms = [] if self._group else [f"{self._at}.parent = :parent"]
        terms += [self._term(at, each) for at, each in enumerate(self._filters) if at != without]
        return terms + [f"{self._at}.{field} IS NOT NULL" for field in self._index.present]

    def _term(self, position: int, each: Filter) -> str:
        if each.op is Op.CONTAINS:
            return f"m.value = :f{position}"
        column = f"{self._at if self._indexed(each) else 'd'}.{each.field}"
        if each.op is Op.IN:
            return f"{column} IN ({', '.join(f':f{position}_{value}' for value in _values(each))})"
        return f"{column} {'=' if each.op is Op.EQ else each.op.value} :f{position}"

    def _indexed(self, each: Filter) -> bool:
        return each.op is Op.CONTAINS or each.field in (*self._index.equality, self._index.order[0].field)

    def _sorted(self, at: str) -> str:
        words = (f"{at}.{each.field} {'DESC' if each.descending else 'ASC'}" for each in self._index.order)
        return f"ORDER BY {', '.join(words)} LIMIT :limit"

    def _after(self) -> str:
        """Behind the place that the `a{i}` name. Row values where all directions agree: SQLite seeks there at once."""
        order = self._index.order
        if not self._index.mixed:
            columns = ", ".join(f"{self._at}.{each.field}" for each in order)
            values = ", ".join(f":a{at}" for at in range(len(order)))
            return f"({columns}) {_beyond(order[0])} ({values})"
        seek = f"{self._at}.{order[0].field} {_beyond(order[0])}= :a0"  # the rest is checked row by row
        return f"{seek} AND ({self._lexicographic(0)})"

    def _lexicographic(self, at: int) -> str:
        each = self._index.order[at]
        column = f"{self._at}.{each.field}"
        beyond = f"{column} {_beyond(each)} :a{at}"
        if at == len(self._index.order) - 1:
            return beyond
        return f"{beyond} OR ({column} = :a{at} AND ({self._lexicographic(at + 1)}))"


def _best_key(shape: Shape, filters: Sequence[Filter]) -> tuple[str, ...]:
    """The first, so the most selective, of the shape's keys that the filters fix as a whole."""
    fixed = {each.field for each in filters if each.op in (Op.EQ, Op.IN)}
    return next((key for key in shape.keys if fixed.issuperset(key)), ())


def _values(each: Filter) -> range:
    return range(len(each.value)) if isinstance(each.value, tuple) else range(0)


def _all_of(terms: Sequence[str]) -> str:
    return " AND ".join(terms) or "TRUE"


def _beyond(order: Order) -> str:
    return "<" if order.descending else ">"
