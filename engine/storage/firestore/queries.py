"""Declared queries as Firestore is asked them."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.cloud.firestore_v1.types import StructuredQuery as Names

from engine.storage.firestore.database import Database
from engine.storage.firestore.documents import fill_value
from engine.storage.firestore.messages import Message, RunAggregationQueryRequest, RunQueryRequest, StructuredQuery
from engine.storage.indexes import RANGE, Collection, collection_at, require
from engine.storage.paths import split_document_path
from engine.storage.port import FieldValue, Filter, Op, Order
from engine.storage.query_values import distinct, matches_nothing, member, place

_OPERATORS: Mapping[Op, Any] = {
    Op.EQ: Names.FieldFilter.Operator.EQUAL,
    Op.LT: Names.FieldFilter.Operator.LESS_THAN,
    Op.LE: Names.FieldFilter.Operator.LESS_THAN_OR_EQUAL,
    Op.GT: Names.FieldFilter.Operator.GREATER_THAN,
    Op.GE: Names.FieldFilter.Operator.GREATER_THAN_OR_EQUAL,
    Op.IN: Names.FieldFilter.Operator.IN,
    Op.CONTAINS: Names.FieldFilter.Operator.ARRAY_CONTAINS,
}
_AND = Names.CompositeFilter.Operator.AND
_NAME = "__name__"


class Query:
    """One that was checked. `order` is None for a count."""

    def __init__(
        self,
        database: Database,
        collection: str,
        filters: Sequence[Filter],
        order: Sequence[Order] | None,
        *,
        start_after: Sequence[FieldValue] | None = None,
        limit: int | None = None,
    ) -> None:
        """Raises `UndeclaredQuery`, `UndeclaredField`, `BadRequest`."""
        self.collection = collection
        self.limit = limit
        self._database = database
        self._declared = collection_at(collection)
        filters = distinct(filters)
        declared = require(collection, filters, order)
        if order is None and any(each.op in RANGE for each in filters):
            order = declared.order  # without it Firestore would sort by the range upwards, which may need another index
        self._query: Message = StructuredQuery()
        self._query.from_.add(collection_id=self._declared.name, all_descendants="/" not in collection)
        self._filter(filters)
        if order is not None:
            self._sort(order)
        if start_after is not None:
            self._start(order or (), start_after)
        if limit is not None:
            self._query.limit.value = limit
        self.finds_nothing = matches_nothing(filters)
        asked, sorted_by = [each.field for each in filters], [each.field for each in order or ()]
        self.fields = tuple(dict.fromkeys([*asked, *sorted_by]))

    def page_request(self) -> Message:
        return RunQueryRequest(parent=self._parent, structured_query=self._query)

    def count_request(self) -> Message:
        request = RunAggregationQueryRequest(parent=self._parent)
        request.structured_aggregation_query.structured_query.CopyFrom(self._query)
        count = request.structured_aggregation_query.aggregations.add(alias="count")
        count.count.SetInParent()
        return request

    @property
    def _parent(self) -> str:
        """The document that the collection is in."""
        document = self.collection.rpartition("/")[0]
        return self._database.document_name(document) if document else self._database.root

    def _filter(self, filters: Sequence[Filter]) -> None:
        if not filters:
            return
        composite = self._query.where.composite_filter
        composite.op = _AND
        for each in filters:
            condition = composite.filters.add().field_filter
            condition.field.field_path = each.field
            condition.op = _OPERATORS[each.op]
            _fill_operand(condition.value, self._declared, each)

    def _sort(self, order: Sequence[Order]) -> None:
        """By name at last, in the direction of the last order: without it Firestore adds it itself, and a cursor may not hold it."""
        for field, descending in [*((each.field, each.descending) for each in order), (_NAME, _downwards(order))]:
            by = self._query.order_by.add()
            by.field.field_path = field
            by.direction = Names.Direction.DESCENDING if descending else Names.Direction.ASCENDING

    def _start(self, order: Sequence[Order], start_after: Sequence[FieldValue]) -> None:
        values, last = place(self._declared, order, start_after)
        cursor = self._query.start_at
        cursor.before = False
        for each, value in zip(order, values, strict=True):
            fill_value(cursor.values.add(), self._declared, each.field, value)
        path = last
        if "/" in self.collection:
            path = f"{self.collection}/{last}"
        split_document_path(path)
        cursor.values.add().reference_value = self._database.document_name(path)


def _downwards(order: Sequence[Order]) -> bool:
    return bool(order) and order[-1].descending


def _fill_operand(value: Message, collection: Collection, asked: Filter) -> None:
    if asked.op is Op.CONTAINS:
        held = member(collection, asked)
        if held is not None:
            value.string_value = str.__str__(held)
    elif asked.op is Op.IN and isinstance(asked.value, tuple):
        value.array_value.SetInParent()
        for each in asked.value:
            fill_value(value.array_value.values.add(), collection, asked.field, each)
    elif asked.value is not None:
        fill_value(value, collection, asked.field, asked.value)
