"""The contract of every DocumentStore: queries that it refuses."""

from datetime import UTC, datetime

import pytest

from engine.domain.errors import BadRequest
from engine.storage.port import DocumentStore, FieldValue, Filter, Op, Order, UndeclaredField, UndeclaredQuery

EXECUTIONS = "tenants/t/executions"
T0 = datetime(2026, 11, 20, tzinfo=UTC)
NEWEST = (Order("created_at", descending=True),)
BY_PRIORITY = (Order("priority", descending=True), Order("created_at"))


@pytest.mark.parametrize(
    ("collection", "filters", "order"),
    [
        (EXECUTIONS, (), (Order("status"),)),
        (EXECUTIONS, (), (Order("created_at"), Order("status"))),
        (EXECUTIONS, (Filter("priority", Op.EQ, 1),), NEWEST),
        (EXECUTIONS, (Filter("status", Op.GT, "A"),), NEWEST),
        (EXECUTIONS, (Filter("workflow_id", Op.IN, ("a", "b")),), NEWEST),
        (EXECUTIONS, (Filter("status", Op.EQ, "A"), Filter("status", Op.EQ, "B")), NEWEST),
        (EXECUTIONS, (Filter("labels", Op.CONTAINS, "a"), Filter("labels", Op.CONTAINS, "b")), NEWEST),
        (EXECUTIONS, (Filter("labels", Op.EQ, "a"),), NEWEST),
        (EXECUTIONS, (Filter("status", Op.CONTAINS, "a"),), NEWEST),
        (EXECUTIONS, (Filter("workflow_id", Op.EQ, "w"),), ()),
        (EXECUTIONS, (Filter("created_at", Op.GT, T0),), ()),
        (EXECUTIONS, (Filter("concurrency_key", Op.EQ, "k"),), BY_PRIORITY),
        (EXECUTIONS, (Filter("queued_lane", Op.EQ, "gpu"),), BY_PRIORITY),
        (EXECUTIONS, (), (Order("typo"),)),
        ("executions", (), ()),
        ("executions", (), NEWEST),
        ("executions", (Filter("due_at", Op.LE, T0),), (Order("due_at"),)),
        ("typos", (), ()),
        ("tenants/t/typos", (), ()),
        ("tenants/t", (), ()),
        ("", (), ()),
    ],
)
async def test_a_query_that_is_not_declared_is_refused(
    store: DocumentStore, collection: str, filters: tuple[Filter, ...], order: tuple[Order, ...]
) -> None:
    with pytest.raises(UndeclaredQuery):
        await store.query(collection, filters=filters, order=order, limit=1)


@pytest.mark.parametrize(
    ("collection", "filters"),
    [
        (EXECUTIONS, (Filter("priority", Op.EQ, 1),)),
        (EXECUTIONS, (Filter("lease_until", Op.GT, T0),)),
        ("executions", ()),
        ("executions", (Filter("shard", Op.EQ, "00"),)),
        ("typos", ()),
    ],
)
async def test_a_count_that_is_not_declared_is_refused(
    store: DocumentStore, collection: str, filters: tuple[Filter, ...]
) -> None:
    with pytest.raises(UndeclaredQuery):
        await store.count(collection, filters=filters)


@pytest.mark.parametrize(
    "wrong",
    [
        Filter("status", Op.EQ, 3),
        Filter("status", Op.IN, ("a", "\ud800")),
        Filter("created_at", Op.GT, "2026"),
        Filter("created_at", Op.GT, datetime(2026, 1, 1)),  # noqa: DTZ001 - naive is what must be refused
        Filter("labels", Op.CONTAINS, 3),
        Filter("labels", Op.CONTAINS, "\ud800"),
    ],
)
async def test_a_filter_of_another_type_is_refused(store: DocumentStore, wrong: Filter) -> None:
    with pytest.raises(UndeclaredField):
        await store.query(EXECUTIONS, filters=(wrong,), order=NEWEST, limit=1)


@pytest.mark.parametrize("after", [(), ("e1",), (T0,), (T0, 1), (None, "e1"), (T0, T0, "e1"), (T0, "\ud800")])
async def test_a_page_that_starts_nowhere_is_refused(store: DocumentStore, after: tuple[FieldValue, ...]) -> None:
    with pytest.raises(BadRequest):
        await store.query(EXECUTIONS, order=NEWEST, start_after=after, limit=1)


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_of_nothing_is_refused(store: DocumentStore, limit: int) -> None:
    with pytest.raises(BadRequest):
        await store.query(EXECUTIONS, order=NEWEST, limit=limit)
