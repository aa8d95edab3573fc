"""The values of a query under the names that its SQL gives them (see `selection.py`)."""

from collections.abc import Sequence

from engine.domain.errors import BadRequest
from engine.storage.indexes import Collection
from engine.storage.paths import encodable, split_document_path
from engine.storage.port import FieldValue, Filter, Op, Order, UndeclaredField
from engine.storage.sqlite.columns import Cell, encode_cell


def distinct(filters: Sequence[Filter]) -> list[Filter]:
    """Each value of an IN once: each is looked up by itself, and would be found as often as it is named."""
    return [
        Filter(each.field, each.op, tuple(dict.fromkeys(each.value))) if isinstance(each.value, tuple) else each
        for each in filters
    ]


def parameters(collection: Collection, path: str, filters: Sequence[Filter]) -> dict[str, Cell]:
    """`path` is the collection's, or its bare name. Raises `UndeclaredField` for values of another type."""
    named: dict[str, Cell] = {"parent": path}
    for position, each in enumerate(filters):
        if each.op is Op.CONTAINS:
            named[f"f{position}"] = _member(collection, each)
        elif each.op is Op.IN and isinstance(each.value, tuple):
            cells = (encode_cell(collection, each.field, value) for value in each.value)
            named |= {f"f{position}_{at}": cell for at, cell in enumerate(cells)}
        else:
            named[f"f{position}"] = encode_cell(collection, each.field, each.value)
    return named


def continuation(
    collection: Collection, order: Sequence[Order], start_after: Sequence[FieldValue], *, group: bool
) -> dict[str, Cell]:
    """Raises `BadRequest` where `start_after` does not fit the order."""
    *values, last = start_after or (None,)
    if len(values) != len(order) or None in values or not isinstance(last, str) or not encodable(last):
        raise BadRequest(f"a page of {collection.name} starts after one value for each order and a document id")
    cells = [encode_cell(collection, each.field, value) for each, value in zip(order, values, strict=True)]
    place = split_document_path(last) if group else (last,)
    return {f"a{at}": cell for at, cell in enumerate((*cells, *place))}


def _member(collection: Collection, each: Filter) -> Cell:
    if each.value is None or (isinstance(each.value, str) and encodable(each.value)):
        return each.value
    raise UndeclaredField(f"{collection.name}.{each.field} contains strings, not {each.value!r:.100}")
