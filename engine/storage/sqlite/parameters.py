"""The values of a query under the names that its SQL gives them (see `selection.py`)."""

from collections.abc import Sequence

from engine.storage.indexes import Collection
from engine.storage.paths import split_document_path
from engine.storage.port import FieldValue, Filter, Op, Order
from engine.storage.query_values import member, place
from engine.storage.sqlite.columns import Cell, encode_cell


def parameters(collection: Collection, path: str, filters: Sequence[Filter]) -> dict[str, Cell]:
    """`path` is the collection's, or its bare name. Raises `UndeclaredField` for values of another type."""
    named: dict[str, Cell] = {"parent": path}
    for position, each in enumerate(filters):
        if each.op is Op.CONTAINS:
            named[f"f{position}"] = member(collection, each)
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
    values, last = place(collection, order, start_after)
    cells = [encode_cell(collection, each.field, value) for each, value in zip(order, values, strict=True)]
    key = split_document_path(last) if group else (last,)
    return {f"a{at}": cell for at, cell in enumerate((*cells, *key))}
