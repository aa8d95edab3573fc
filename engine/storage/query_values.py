"""The values that a query is asked with, checked the same for every store."""

from collections.abc import Sequence

from engine.domain.errors import BadRequest
from engine.storage.indexes import Collection
from engine.storage.paths import encodable
from engine.storage.port import FieldValue, Filter, Op, Order, UndeclaredField


def distinct(filters: Sequence[Filter]) -> list[Filter]:
    """Each value of an IN once: each is looked up by itself, and would be found as often as it is named."""
    return [
        Filter(each.field, each.op, tuple(dict.fromkeys(each.value))) if isinstance(each.value, tuple) else each
        for each in filters
    ]


def matches_nothing(filters: Sequence[Filter]) -> bool:
    """None is not found by any filter, and no value is one of none."""
    return any(each.value is None or (each.op is Op.IN and each.value == ()) for each in filters)


def check_limit(limit: int) -> None:
    if limit < 1:
        raise BadRequest(f"a page has at least one document, not {limit}")


def member(collection: Collection, contains: Filter) -> str | None:
    """What a CONTAINS looks for. Raises `UndeclaredField`."""
    value = contains.value
    if value is None or (isinstance(value, str) and encodable(value)):
        return value
    raise UndeclaredField(f"{collection.name}.{contains.field} contains strings, not {value!r:.100}")


def place(
    collection: Collection, order: Sequence[Order], start_after: Sequence[FieldValue]
) -> tuple[list[FieldValue], str]:
    """The values of the order, and the document's id or path. Raises `BadRequest` where `start_after` does not fit the order."""
    *values, last = start_after or (None,)
    if len(values) != len(order) or None in values or not isinstance(last, str) or not encodable(last):
        raise BadRequest(f"a page of {collection.name} starts after one value for each order and a document id")
    return values, last
