"""The contract of every DocumentStore: what a query finds, in which order, and which queries are refused."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from engine.storage.port import (
    Create,
    Delete,
    DocumentStore,
    FieldValue,
    Filter,
    Op,
    Order,
    Put,
    UndeclaredQuery,
)

EXECUTIONS = "tenants/t/executions"
T0 = datetime(2026, 11, 20, tzinfo=UTC)
OLDEST, NEWEST = (Order("created_at"),), (Order("created_at", descending=True),)
BY_PRIORITY = (Order("priority", descending=True), Order("created_at"))


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


async def fill(store: DocumentStore, documents: dict[str, dict[str, FieldValue]], collection: str = EXECUTIONS) -> None:
    """Ids and fields; the body is the id."""
    await store.commit([Create(path=f"{collection}/{i}", body=i.encode(), fields=f) for i, f in documents.items()])


async def ids(
    store: DocumentStore,
    *filters: Filter,
    order: Sequence[Order] = (),
    after: Sequence[FieldValue] | None = None,
    limit: int = 100,
    collection: str = EXECUTIONS,
) -> list[str]:
    found = await store.query(collection, filters=filters, order=order, start_after=after, limit=limit)
    return [each.id for each in found]


async def pages(
    store: DocumentStore, *filters: Filter, order: tuple[Order, ...], size: int, collection: str = EXECUTIONS
) -> list[str]:
    """All paths, read page by page."""
    seen: list[str] = []
    after: list[FieldValue] | None = None
    while True:
        page = await store.query(collection, filters=filters, order=order, start_after=after, limit=size)
        assert len(page) <= size
        seen += [each.path for each in page]
        if len(page) < size:
            return seen
        last = page[-1]
        after = [*(last.fields[each.field] for each in order), last.path if "/" not in collection else last.id]


async def test_without_an_order_documents_come_by_id(store: DocumentStore) -> None:
    await fill(store, {"b": {}, "a10": {}, "a9": {}, "B": {}, "ä": {}})
    assert await ids(store) == ["B", "a10", "a9", "b", "ä"]
    assert await ids(store, after=("a10",), limit=2) == ["a9", "b"]


async def test_documents_of_equal_order_come_by_id_in_its_direction(store: DocumentStore) -> None:
    await fill(store, {"b": {"created_at": at(1)}, "a": {"created_at": at(1)}, "c": {"created_at": at(0)}})
    assert await ids(store, order=OLDEST) == ["c", "a", "b"]
    assert await ids(store, order=NEWEST) == ["b", "a", "c"]


async def test_an_order_of_two_directions_ends_in_the_last_one(store: DocumentStore) -> None:
    same: dict[str, FieldValue] = {"concurrency_key": "k", "status": "QUEUED"}
    await fill(
        store,
        {
            "d": {**same, "priority": 0, "created_at": at(0)},
            "c": {**same, "priority": 5, "created_at": at(2)},
            "b": {**same, "priority": 5, "created_at": at(1)},
            "a": {**same, "priority": 5, "created_at": at(2)},
        },
    )
    filters = (Filter("concurrency_key", Op.EQ, "k"), Filter("status", Op.EQ, "QUEUED"))
    assert await ids(store, *filters, order=BY_PRIORITY) == ["b", "a", "c", "d"]
    assert await ids(store, *filters, order=BY_PRIORITY, after=(5, at(2), "a")) == ["c", "d"]
    assert await ids(store, *filters, order=BY_PRIORITY, after=(5, at(1), "zzz")) == ["a", "c", "d"]


async def test_strings_are_ordered_by_code_point(store: DocumentStore) -> None:
    names = ["Z", "a", "a-b", "a1", "ab", "é", "\uff5e", "𝄞"]
    await fill(store, {f"w{n}": {"name": name} for n, name in enumerate(reversed(names))}, "tenants/t/workflows")
    found = await store.query("tenants/t/workflows", order=(Order("name"),), limit=100)
    assert [each.fields["name"] for each in found] == names


async def test_documents_come_whole(store: DocumentStore) -> None:
    await fill(store, {"a": {"created_at": at(0), "labels": ("x=1", "y=2"), "status": "RUNNING"}})
    await store.commit([Put(path=f"{EXECUTIONS}/a", body=b"2", fields={"created_at": at(3), "labels": ("x=1",)})])
    for filters in ((), (Filter("labels", Op.CONTAINS, "x=1"),)):
        (found,) = await store.query(EXECUTIONS, filters=filters, order=NEWEST, limit=5)
        assert (found.path, found.rev, found.body) == (f"{EXECUTIONS}/a", 2, b"2")
        assert dict(found.fields) == {"created_at": at(3), "labels": ("x=1",)}


async def test_any_subset_of_the_optional_filters_may_be_asked(store: DocumentStore) -> None:
    names = ("workflow_id", "parent_id", "trigger_id", "batch_id", "concurrency_key", "lane", "status")
    every: dict[str, FieldValue] = dict.fromkeys(names, "x")
    await fill(store, {"all": {**every, "created_at": at(0)}})
    await fill(store, {f"not-{name}": {**every, name: "y", "created_at": at(1)} for name in names})
    for mask in range(2 ** len(names)):
        chosen = [name for bit, name in enumerate(names) if mask >> bit & 1]
        expected = {"all", *(f"not-{name}" for name in names if name not in chosen)}
        found = await ids(store, *(Filter(name, Op.EQ, "x") for name in chosen), order=NEWEST)
        assert set(found) == expected
        assert found[-1] == "all"


async def test_ranges_have_their_ends_as_asked(store: DocumentStore) -> None:
    await fill(store, {f"e{n}": {"created_at": at(n), "workflow_id": "w"} for n in range(6)})
    after_1, from_1 = Filter("created_at", Op.GT, at(1)), Filter("created_at", Op.GE, at(1))
    before_4, to_4 = Filter("created_at", Op.LT, at(4)), Filter("created_at", Op.LE, at(4))
    workflow = Filter("workflow_id", Op.EQ, "w")
    assert await ids(store, after_1, before_4, order=OLDEST) == ["e2", "e3"]
    assert await ids(store, from_1, to_4, order=OLDEST) == ["e1", "e2", "e3", "e4"]
    assert await ids(store, from_1, before_4, workflow, order=NEWEST) == ["e3", "e2", "e1"]
    assert await ids(store, after_1, order=NEWEST, limit=2) == ["e5", "e4"]
    assert await store.count(EXECUTIONS, filters=(after_1, to_4)) == 3


async def test_in_finds_any_of_its_values_in_the_order_asked(store: DocumentStore) -> None:
    statuses = ("QUEUED", "RUNNING", "FAILED", "QUEUED", "RUNNING", "FAILED")
    await fill(store, {f"e{n}": {"status": status, "created_at": at(n)} for n, status in enumerate(statuses)})
    live = Filter("status", Op.IN, ("QUEUED", "RUNNING", "PAUSED"))
    assert await ids(store, live, order=NEWEST) == ["e4", "e3", "e1", "e0"]
    assert await ids(store, live, order=OLDEST, limit=3) == ["e0", "e1", "e3"]
    assert await ids(store, live, order=NEWEST, after=(at(3), "e3")) == ["e1", "e0"]
    assert await ids(store, Filter("status", Op.IN, ("FAILED",)), order=NEWEST) == ["e5", "e2"]
    assert await ids(store, Filter("status", Op.IN, ("FAILED", "FAILED")), order=NEWEST, limit=3) == ["e5", "e2"]
    assert await ids(store, Filter("status", Op.IN, ()), order=NEWEST) == []
    assert await store.count(EXECUTIONS, filters=(live,)) == 4
    assert await store.count(EXECUTIONS, filters=(Filter("status", Op.IN, ()),)) == 0


async def test_in_takes_thirty_values(store: DocumentStore) -> None:
    await fill(store, {"e": {"status": "29", "created_at": at(0)}})
    values = tuple(map(str, range(31)))
    assert await ids(store, Filter("status", Op.IN, values[:30]), order=NEWEST) == ["e"]
    with pytest.raises(UndeclaredQuery):
        await ids(store, Filter("status", Op.IN, values), order=NEWEST)
    with pytest.raises(UndeclaredQuery):
        await ids(store, Filter("status", Op.IN, "RUNNING"), order=NEWEST)


async def test_contains_looks_into_a_set_of_strings(store: DocumentStore) -> None:
    await fill(
        store,
        {
            "a": {"labels": ("team=x", "env=prod"), "created_at": at(0), "status": "RUNNING"},
            "b": {"labels": ("team=x", "team=x"), "created_at": at(1), "status": "FAILED"},
            "c": {"labels": (), "created_at": at(2), "status": "RUNNING"},
            "d": {"created_at": at(3), "status": "RUNNING"},
        },
    )
    team, running = Filter("labels", Op.CONTAINS, "team=x"), Filter("status", Op.EQ, "RUNNING")
    assert await ids(store, team, order=NEWEST) == ["b", "a"]
    assert await ids(store, team, running, order=NEWEST) == ["a"]
    assert await ids(store, team, Filter("status", Op.IN, ("FAILED", "RUNNING")), order=OLDEST) == ["a", "b"]
    assert await ids(store, team, Filter("created_at", Op.GT, at(0)), order=OLDEST) == ["b"]
    assert await ids(store, team, order=NEWEST, after=(at(1), "b")) == ["a"]
    assert await ids(store, Filter("labels", Op.CONTAINS, "team"), order=NEWEST) == []
    assert await store.count(EXECUTIONS, filters=(team, running)) == 1


async def test_a_changed_or_deleted_document_is_found_by_what_it_is_now(store: DocumentStore) -> None:
    await fill(store, {"a": {"labels": ("x=1", "x=2"), "status": "RUNNING", "created_at": at(0)}})
    await store.commit(
        [
            Put(
                path=f"{EXECUTIONS}/a",
                body=b"",
                fields={"labels": ("x=2", "x=3"), "status": "FAILED", "created_at": at(1)},
            )
        ]
    )
    by_label = [await ids(store, Filter("labels", Op.CONTAINS, f"x={n}"), order=NEWEST) for n in (1, 2, 3)]
    assert by_label == [[], ["a"], ["a"]]
    assert await ids(store, Filter("status", Op.EQ, "RUNNING"), order=NEWEST) == []
    label, since = Filter("labels", Op.CONTAINS, "x=2"), Filter("created_at", Op.GE, at(1))
    assert await ids(store, label, since, order=NEWEST) == ["a"]
    await store.commit([Delete(path=f"{EXECUTIONS}/a")])
    assert await ids(store, label, order=NEWEST) == []
    assert await store.count(EXECUTIONS) == 0


async def test_none_is_not_found_by_any_filter(store: DocumentStore) -> None:
    await fill(store, {"a": {"created_at": at(0), "status": "RUNNING"}, "b": {"created_at": None, "status": None}})
    assert await ids(store, Filter("status", Op.EQ, None), order=NEWEST) == []
    assert await ids(store, Filter("parent_id", Op.EQ, None), order=NEWEST) == []
    assert await ids(store, Filter("created_at", Op.LT, None), order=NEWEST) == []
    assert await ids(store, Filter("labels", Op.CONTAINS, None), order=NEWEST) == []
    assert await store.count(EXECUTIONS, filters=(Filter("status", Op.EQ, None),)) == 0


async def test_an_order_and_a_range_leave_out_documents_without_the_field(store: DocumentStore) -> None:
    await fill(
        store,
        {
            "a": {"created_at": at(0), "workflow_id": "w", "labels": ("l",)},
            "b": {"workflow_id": "w", "labels": ("l",)},
            "c": {"created_at": None, "workflow_id": "w", "labels": ("l",)},
        },
    )
    workflow, label = Filter("workflow_id", Op.EQ, "w"), Filter("labels", Op.CONTAINS, "l")
    for filters in ((), (workflow,), (label,), (label, workflow)):
        assert await ids(store, *filters, order=NEWEST) == ["a"]
        assert await store.count(EXECUTIONS, filters=filters) == 3
        assert await store.count(EXECUTIONS, filters=(*filters, Filter("created_at", Op.LE, at(9)))) == 1
    assert await ids(store) == ["a", "b", "c"]


async def test_a_count_over_all_parents_asks_for_a_range_of_the_only_field_of_an_order(store: DocumentStore) -> None:
    await fill(store, {"a": {"shard": "01", "due_at": at(1)}, "b": {"shard": "01"}})
    shard = Filter("shard", Op.EQ, "01")
    assert await store.count("executions", filters=(shard, Filter("due_at", Op.GE, at(0)))) == 1
    with pytest.raises(UndeclaredQuery):
        await store.count("executions", filters=(shard,))
    with pytest.raises(UndeclaredQuery):
        await store.count("executions", filters=(Filter("queued_lane", Op.EQ, "gpu"), Filter("priority", Op.GE, 0)))


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize("order", [OLDEST, NEWEST])
async def test_pages_give_every_document_once(store: DocumentStore, size: int, order: tuple[Order, ...]) -> None:
    documents: dict[str, dict[str, FieldValue]] = {
        f"e{n}": {"created_at": at(n // 3), "status": "AB"[n % 2], "labels": ("all",)} for n in range(13)
    }
    await fill(store, documents)
    expected = [f"{EXECUTIONS}/{i}" for i in sorted(documents, key=lambda i: (documents[i]["created_at"], i))]
    if order == NEWEST:
        expected.reverse()
    for filters in ((), (Filter("status", Op.IN, ("A", "B")),), (Filter("labels", Op.CONTAINS, "all"),)):
        assert await pages(store, *filters, order=order, size=size) == expected


async def test_a_page_starts_behind_a_document_that_is_gone(store: DocumentStore) -> None:
    await fill(store, {f"e{n}": {"created_at": at(n)} for n in range(4)})
    await store.commit([Delete(path=f"{EXECUTIONS}/e1")])
    assert await ids(store, order=OLDEST, after=(at(1), "e1")) == ["e2", "e3"]
    assert await ids(store, order=NEWEST, after=(at(1), "e1")) == ["e0"]


async def test_a_query_stays_within_its_collection(store: DocumentStore) -> None:
    now: dict[str, FieldValue] = {"created_at": at(0), "labels": ("l",)}
    await fill(store, {"a": now})
    for other in ("tenants/t2/executions", "tenants/T/executions", "tenants/t/executions/a/executions"):
        await fill(store, {"foreign": now}, other)
    await fill(store, {"1": {"last_seq": 1}}, f"{EXECUTIONS}/a/log")
    await fill(store, {"1": {"last_seq": 1}, "2": {"last_seq": 2}}, f"{EXECUTIONS}/b/log")
    assert await ids(store) == ["a"]
    assert await ids(store, order=NEWEST) == ["a"]
    assert await ids(store, Filter("labels", Op.CONTAINS, "l"), order=NEWEST) == ["a"]
    assert await store.count(EXECUTIONS) == 1
    assert await ids(store, order=(Order("last_seq"),), collection=f"{EXECUTIONS}/a/log") == ["1"]


async def test_a_bare_name_asks_all_parents(store: DocumentStore) -> None:
    for tenant in ("t1", "t2", "t3"):
        documents: dict[str, dict[str, FieldValue]] = {
            f"{tenant}-{n}": {"shard": f"0{n}", "due_at": at(n)} for n in range(3)
        }
        await fill(store, {**documents, f"{tenant}-idle": {"shard": "01"}}, f"tenants/{tenant}/executions")
    shards, due = Filter("shard", Op.IN, ("01", "02")), Filter("due_at", Op.LE, at(1))
    order = (Order("due_at"),)
    assert await ids(store, shards, due, order=order, collection="executions") == ["t1-1", "t2-1", "t3-1"]
    assert await store.count("executions", filters=(shards, due)) == 3
    for size in (1, 2, 4, 6, 7):
        found = await pages(store, shards, order=order, size=size, collection="executions")
        assert found == [f"tenants/{t}/executions/{t}-{n}" for n in (1, 2) for t in ("t1", "t2", "t3")]


async def test_claimable_executions_come_by_priority_then_age(store: DocumentStore) -> None:
    waiting: dict[str, FieldValue] = {"shard": "00", "queued_lane": "gpu", "priority": 0, "created_at": at(1)}
    await fill(
        store,
        {
            "late": waiting,
            "early": {**waiting, "shard": "01", "created_at": at(0)},
            "urgent": {**waiting, "priority": 9},
            "elsewhere": {**waiting, "shard": "02"},
        },
    )
    await fill(store, {"claimed": {**waiting, "queued_lane": None}, "other": {**waiting, "queued_lane": "cpu"}})
    lane = (Filter("shard", Op.IN, ("00", "01")), Filter("queued_lane", Op.EQ, "gpu"))
    assert await ids(store, *lane, order=BY_PRIORITY, collection="executions") == ["urgent", "early", "late"]
    paths = await pages(store, *lane, order=BY_PRIORITY, size=1, collection="executions")
    assert [path.rpartition("/")[2] for path in paths] == ["urgent", "early", "late"]


async def test_what_has_expired_is_found_in_every_collection(store: DocumentStore) -> None:
    for collection in ("tenants/t/idempotency", "tenants/t/executions/x/log", "lanes/l/slots"):
        fresh: dict[str, dict[str, FieldValue]] = {
            "old": {"expire_at": at(0)},
            "new": {"expire_at": at(9)},
            "never": {},
        }
        await fill(store, fresh, collection)
        expired = Filter("expire_at", Op.LE, at(5))
        name = collection.rpartition("/")[2]
        assert await ids(store, expired, order=(Order("expire_at"),), collection=name) == ["old"]
