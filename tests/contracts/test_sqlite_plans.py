"""What SQLite does for a query: it reads an index, and a page costs the same however much is stored."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.storage.indexes import require
from engine.storage.port import Create, Filter, Op, Order
from engine.storage.sqlite import SqliteStore
from engine.storage.sqlite.selection import Selector
from tests.contracts.declared_queries import DeclaredQuery, every_query

EXECUTIONS = "tenants/t/executions"
NEWEST = (Order("created_at", descending=True),)


@pytest.fixture
async def sqlite() -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(None)
    yield store
    await store.close()


def plan(store: SqliteStore, sql: str) -> list[str]:
    return [
        str(row[3]) for row in store._commits._connection.execute(f"EXPLAIN QUERY PLAN {sql}", _Anything()).fetchall()
    ]


class _Anything(dict[str, int]):
    def __missing__(self, name: str) -> int:
        return 1


def path_of(query: DeclaredQuery) -> str:
    return query.collection.name if query.shape.group else f"tenants/t/{query.collection.name}"


async def test_every_declared_page_reads_an_index_in_its_order(sqlite: SqliteStore) -> None:
    for query in every_query():
        selector = Selector(require(path_of(query), query.filters, query.order), query.filters)
        merged = any(each.op is Op.IN for each in query.filters)
        for continued in (False, True):
            steps = plan(sqlite, selector.page(("id",), continued=continued).sql)
            reads = [step for step in steps if step.startswith(("SCAN", "SEARCH")) and not (merged and _is_merge(step))]
            assert all("USING" in step for step in reads), (query, steps)
            assert merged or not any("TEMP B-TREE" in step for step in steps), (query, steps)


def _is_merge(step: str) -> bool:
    """Reads the keys that the values of an IN gave, a page of each."""
    return step == "SCAN b" or step.startswith("SCAN (subquery")


async def test_every_declared_count_reads_an_index(sqlite: SqliteStore) -> None:
    for query in every_query():
        if query.shape.counts(query.filters):
            steps = plan(sqlite, Selector(require(path_of(query), query.filters, None), query.filters).count().sql)
            assert all("USING" in step for step in steps), (query, steps)


def cost(store: SqliteStore, *filters: Filter) -> int:
    """Steps of SQLite's virtual machine for the newest fifty: an exact measure, where time would waver."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    selection = Selector(require(EXECUTIONS, filters, NEWEST), filters).page(("id", "body"), continued=False)
    connection = store._commits._connection
    values = {"parent": EXECUTIONS, "limit": 50}
    for position, each in enumerate(filters):
        several = each.value if isinstance(each.value, tuple) else ()
        values |= {f"f{position}": each.value, **{f"f{position}_{at}": value for at, value in enumerate(several)}}
    connection.set_progress_handler(count, 1)
    assert len(connection.execute(selection.sql, values).fetchall()) == 50
    connection.set_progress_handler(None, 0)
    return steps


async def fill(store: SqliteStore, first: int, last: int) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    statuses = ("SUCCEEDED", "SUCCEEDED", "FAILED", "RUNNING")
    for start in range(first, last, 300):
        await store.commit(
            [
                Create(
                    path=f"{EXECUTIONS}/{n * 7919 % 100_003}",
                    body=b"{}",
                    fields={
                        "workflow_id": f"w{n % 3}",
                        "status": statuses[n % 4],
                        "labels": (f"team={n % 2}", "env=prod"),
                        "created_at": began + timedelta(seconds=n),
                    },
                )
                for n in range(start, min(start + 300, last))
            ]
        )


@pytest.mark.parametrize(
    "filters",
    [
        (),
        (Filter("workflow_id", Op.EQ, "w1"),),
        (Filter("status", Op.IN, ("FAILED", "RUNNING")),),
        (Filter("workflow_id", Op.EQ, "w1"), Filter("status", Op.IN, ("SUCCEEDED", "FAILED", "RUNNING"))),
        (Filter("labels", Op.CONTAINS, "env=prod"),),
    ],
)
async def test_the_newest_page_costs_the_same_among_many(sqlite: SqliteStore, filters: tuple[Filter, ...]) -> None:
    await fill(sqlite, 0, 900)
    few = cost(sqlite, *filters)
    await fill(sqlite, 900, 5000)
    assert cost(sqlite, *filters) <= 1.2 * few
