"""What the store sends to Firestore for a declared query is served by the indexes that are generated from the declarations."""

from typing import Any

import msgspec
import pytest
from google.cloud.firestore_v1.types import StructuredQuery

from engine.storage.firestore.coverage import Asked, asked, serving
from engine.storage.firestore.database import Database
from engine.storage.firestore.index_plan import plan_indexes
from engine.storage.firestore.queries import Query
from engine.storage.indexes import FieldType
from engine.storage.port import FieldValue, Filter, Op, Order
from tests.contracts.declared_queries import DeclaredQuery, every_query

INDEXES = list(plan_indexes().indexes())
DATABASE = Database(project="p", database="d")
_OPS = {
    "EQUAL": Op.EQ,
    "LESS_THAN": Op.LT,
    "LESS_THAN_OR_EQUAL": Op.LE,
    "GREATER_THAN": Op.GT,
    "GREATER_THAN_OR_EQUAL": Op.GE,
    "IN": Op.IN,
    "ARRAY_CONTAINS": Op.CONTAINS,
}


def read(message: Any) -> Asked:
    """What a request asks, in the words of the index rules. The document's name must be sorted as the last field before it."""
    sent = StructuredQuery.deserialize(message.SerializeToString())
    (source,) = sent.from_
    filters = [each.field_filter for each in sent.where.composite_filter.filters]
    orders = [Order(each.field.field_path, each.direction.name == "DESCENDING") for each in sent.order_by]
    if orders:
        *orders, name = orders
        assert name == Order("__name__", descending=bool(orders) and orders[-1].descending)
    question = asked(
        source.collection_id,
        [Filter(each.field.field_path, _OPS[each.op.name], None) for each in filters],
        orders,
        group=source.all_descendants,
    )
    assert question is not None, sent
    return question


def path_of(query: DeclaredQuery) -> str:
    return query.collection.name if query.shape.group else f"tenants/t/{query.collection.name}"


def filters_of(query: DeclaredQuery) -> list[Filter]:
    """With values of the fields' types."""
    fields = query.collection.fields
    return [msgspec.structs.replace(each, value=_typed(fields[each.field], each.value)) for each in query.filters]


def _typed(declared: FieldType, value: FieldValue) -> FieldValue:
    return True if declared is FieldType.BOOLEAN else value


def asked_of_firestore(query: DeclaredQuery) -> bool:
    return not query.shape.embedded


def test_every_page_is_served() -> None:
    for query in filter(asked_of_firestore, every_query()):
        sent = Query(DATABASE, path_of(query), filters_of(query), query.order, limit=10)
        assert serving(INDEXES, read(sent.page_request().structured_query)) is not None, query


def test_every_count_is_served() -> None:
    for query in filter(asked_of_firestore, every_query()):
        if query.shape.counts(query.filters):
            sent = Query(DATABASE, path_of(query), filters_of(query), None)
            request = sent.count_request().structured_aggregation_query
            assert serving(INDEXES, read(request.structured_query)) is not None, query


@pytest.mark.parametrize("count", [False, True])
def test_a_query_that_no_index_serves_would_be_noticed(*, count: bool) -> None:
    label, newest = Filter("labels", Op.CONTAINS, "a"), (Order("created_at", descending=True),)
    sent = Query(DATABASE, "tenants/t/executions", [label], None if count else newest)
    others = [each for each in INDEXES if "labels" not in str(each)]
    assert serving(others, read(sent.page_request().structured_query)) is None
