"""The contract of every DocumentStore: what a commit does, and what reading a document gives."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest

from engine.domain.errors import BadRequest, PayloadTooLarge, Unavailable
from engine.storage.port import (
    MAX_BODY_BYTES,
    MAX_WRITES,
    Conflict,
    Create,
    Delete,
    DocumentStore,
    FieldValue,
    Put,
    UndeclaredField,
    UndeclaredQuery,
    Write,
)
from tests.contracts.backends import OpenStore

A = "tenants/t/executions/a"
B = "tenants/t/executions/b"
C = "tenants/t/executions/c"
NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


async def revs(store: DocumentStore, *paths: str) -> list[int | None]:
    return [found.rev if found else None for found in await store.get_many(paths)]


async def test_a_created_document_is_read_as_it_was_written(store: DocumentStore) -> None:
    fields: dict[str, FieldValue] = {
        "status": "RUNNING",
        "priority": -3,
        "labels": ("team=a", "env=prod"),
        "created_at": NOON,
        "lane": "snö \x00 𝄞",
    }
    await store.commit([Create(path=A, body=b'\x00{"any": "bytes"}\xff', fields=fields)])
    found = await store.get(A)
    assert found is not None
    assert (found.path, found.id, found.rev, found.body) == (A, "a", 1, b'\x00{"any": "bytes"}\xff')
    assert dict(found.fields) == fields


async def test_a_boolean_field_stays_a_boolean(store: DocumentStore) -> None:
    await store.commit([Create(path="tenants/t/batches/b/chunks/1", body=b"", fields={"n": 1, "has_errors": False})])
    found = await store.get("tenants/t/batches/b/chunks/1")
    assert found is not None
    assert found.fields["has_errors"] is False


async def test_times_come_back_in_utc_to_the_microsecond(store: DocumentStore) -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await store.commit([Create(path=A, body=b"", fields={"created_at": elsewhere})])
    found = await store.get(A)
    assert found is not None
    created_at = found.fields["created_at"]
    assert isinstance(created_at, datetime)
    assert (created_at, created_at.utcoffset()) == (NOON, timedelta(0))


async def test_a_field_of_none_comes_back_as_one_that_is_not_there(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b"", fields={"status": None, "lane": "x", "labels": ()})])
    found = await store.get(A)
    assert found is not None
    assert dict(found.fields) == {"lane": "x", "labels": ()}


async def test_what_does_not_exist_is_none(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b"a")])
    assert await store.get(B) is None
    assert await store.get("tenants/other/executions/a") is None


async def test_many_documents_come_in_the_order_of_their_paths(store: DocumentStore) -> None:
    log = f"{A}/log/0000000001"
    await store.commit([Create(path=A, body=b"a"), Create(path=B, body=b"b"), Create(path=log, body=b"page")])
    found = await store.get_many([B, C, log, A, B])
    assert [each.body if each else None for each in found] == [b"b", None, b"page", b"a", b"b"]
    assert await store.get_many([]) == []


async def test_creating_what_exists_is_a_conflict_that_names_it(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b"first")])
    with pytest.raises(Conflict) as refused:
        await store.commit([Create(path=A, body=b"second")])
    assert refused.value.document == A
    found = await store.get(A)
    assert found is not None
    assert (found.rev, found.body) == (1, b"first")


async def test_a_put_replaces_the_whole_document_and_raises_its_rev(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b"1", fields={"status": "QUEUED", "lane": "x", "labels": ("a=b",)})])
    await store.commit([Put(path=A, body=b"2", fields={"status": "RUNNING"})])
    found = await store.get(A)
    assert found is not None
    assert (found.rev, found.body, dict(found.fields)) == (2, b"2", {"status": "RUNNING"})


async def test_a_put_creates_where_it_asks_for_no_rev(store: DocumentStore) -> None:
    await store.commit([Put(path=A, body=b"1")])
    assert await revs(store, A) == [1]


async def test_a_put_that_changes_nothing_raises_the_rev(store: DocumentStore) -> None:
    for _ in range(3):
        await store.commit([Put(path=A, body=b"same", fields={"lane": "x"})])
    assert await revs(store, A) == [3]


@pytest.mark.parametrize("if_rev", [0, 1, 3, -1])
async def test_a_put_with_another_rev_is_a_conflict(store: DocumentStore, if_rev: int) -> None:
    await store.commit([Put(path=A, body=b"1")])
    await store.commit([Put(path=A, body=b"2", if_rev=1)])
    with pytest.raises(Conflict) as refused:
        await store.commit([Put(path=A, body=b"3", if_rev=if_rev)])
    assert refused.value.document == A
    assert await revs(store, A) == [2]


@pytest.mark.parametrize("if_rev", [0, 1])
async def test_a_put_with_a_rev_does_not_create(store: DocumentStore, if_rev: int) -> None:
    with pytest.raises(Conflict):
        await store.commit([Put(path=A, body=b"", if_rev=if_rev)])
    assert await store.get(A) is None


async def test_deleting_is_no_error_where_nothing_is(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b"")])
    await store.commit([Delete(path=A), Delete(path=B)])
    await store.commit([Delete(path=A)])
    assert await revs(store, A, B) == [None, None]


@pytest.mark.parametrize("path", [A, B])
async def test_deleting_with_another_rev_is_a_conflict(store: DocumentStore, path: str) -> None:
    await store.commit([Create(path=A, body=b"")])
    with pytest.raises(Conflict) as refused:
        await store.commit([Delete(path=path, if_rev=2)])
    assert refused.value.document == path
    await store.commit([Delete(path=A, if_rev=1)])
    assert await store.get(A) is None


async def test_deleting_leaves_subcollections(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b""), Create(path=f"{A}/log/1", body=b"", fields={"last_seq": 1})])
    await store.commit([Delete(path=A)])
    assert await revs(store, f"{A}/log/1") == [1]


async def test_a_commit_with_a_conflict_writes_nothing_and_names_the_first(store: DocumentStore) -> None:
    await store.commit([Create(path=B, body=b"b"), Create(path=C, body=b"c")])
    writes: list[Write] = [
        Create(path=A, body=b"new"),
        Put(path=C, body=b"changed"),
        Put(path=B, body=b"changed", if_rev=7),
        Delete(path="tenants/t/executions/d", if_rev=1),
    ]
    with pytest.raises(Conflict) as refused:
        await store.commit(writes)
    assert refused.value.document == B
    assert await revs(store, A, B, C) == [None, 1, 1]


async def test_a_conflict_disturbs_no_commit_beside_it(store: DocumentStore) -> None:
    await store.commit([Create(path=B, body=b"")])
    commits: list[list[Write]] = [
        [Create(path=A, body=b"")],
        [Create(path=B, body=b""), Create(path=f"{B}2", body=b"")],
        [Put(path=C, body=b"")],
    ]
    results = await asyncio.gather(*(store.commit(writes) for writes in commits), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), Conflict, type(None)]
    assert await revs(store, A, B, f"{B}2", C) == [1, 1, None, 1]


async def test_of_many_that_raise_the_same_rev_one_wins(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b"")])
    rivals = [store.commit([Put(path=A, body=str(n).encode(), if_rev=1)]) for n in range(20)]
    results = await asyncio.gather(*rivals, return_exceptions=True)
    assert results.count(None) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 19
    assert await revs(store, A) == [2]


async def test_commits_of_one_document_lose_no_update(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b"0")])

    async def increment() -> None:
        while True:
            found = await store.get(A)
            assert found is not None
            try:
                return await store.commit([Put(path=A, body=b"%d" % (int(found.body) + 1), if_rev=found.rev)])
            except Conflict:
                continue

    await asyncio.gather(*(increment() for _ in range(10)))
    found = await store.get(A)
    assert found is not None
    assert (found.body, found.rev) == (b"10", 11)


async def test_reads_see_what_was_acknowledged_before(store: DocumentStore) -> None:
    async def write_and_read(n: int) -> None:
        path = f"tenants/t/executions/{n}"
        for rev in range(1, 6):
            await store.commit([Put(path=path, body=b"")])
            assert await revs(store, path) == [rev]
            assert await store.count("tenants/t/executions") >= 1

    await asyncio.gather(*(write_and_read(n) for n in range(10)))


async def test_nobody_sees_a_part_of_a_commit(atomic_store: DocumentStore) -> None:
    store = atomic_store
    writes = [Create(path=f"tenants/t/executions/{n}", body=b"x") for n in range(MAX_WRITES)]
    commit = asyncio.create_task(store.commit(writes))
    while not commit.done():
        first, last = await revs(store, "tenants/t/executions/0", f"tenants/t/executions/{MAX_WRITES - 1}")
        assert first == last
        assert await store.count("tenants/t/executions") in (0, MAX_WRITES)
        await asyncio.sleep(0)
    await commit


async def test_a_commit_takes_as_many_writes_as_it_says(store: DocumentStore) -> None:
    writes = [Create(path=f"tenants/t/executions/{n}", body=b"x") for n in range(MAX_WRITES)]
    await store.commit(writes)
    assert await store.count("tenants/t/executions") == MAX_WRITES
    with pytest.raises(BadRequest):
        await store.commit([Put(path=f"tenants/t/executions/{n}", body=b"") for n in range(MAX_WRITES + 1)])


async def test_a_commit_of_nothing_is_done(store: DocumentStore) -> None:
    await store.commit([])


async def test_a_document_may_be_named_once(store: DocumentStore) -> None:
    with pytest.raises(BadRequest):
        await store.commit([Create(path=A, body=b""), Create(path=B, body=b""), Delete(path=A)])
    assert await revs(store, A, B) == [None, None]


async def test_a_body_of_the_largest_size_is_kept_and_one_beyond_is_refused(store: DocumentStore) -> None:
    await store.commit([Create(path=A, body=b"x" * MAX_BODY_BYTES)])
    found = await store.get(A)
    assert found is not None
    assert len(found.body) == MAX_BODY_BYTES
    with pytest.raises(PayloadTooLarge):
        await store.commit([Create(path=B, body=b"x" * (MAX_BODY_BYTES + 1))])


@pytest.mark.parametrize(
    "fields",
    [
        {"statos": "RUNNING"},
        {"unknown": None},
        {"status": 3},
        {"status": True},
        {"status": ("a",)},
        {"status": "\ud800"},
        {"priority": "3"},
        {"priority": True},
        {"priority": 2**63},
        {"created_at": "2026-01-01"},
        {"created_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - naive is what must be refused
        {"labels": "a=b"},
        {"labels": (1,)},
    ],
)
async def test_a_field_that_is_not_declared_or_of_another_type_is_refused(
    store: DocumentStore, fields: dict[str, FieldValue]
) -> None:
    with pytest.raises(UndeclaredField):
        await store.commit([Create(path=B, body=b""), Create(path=A, body=b"", fields=fields)])
    assert await revs(store, A, B) == [None, None]


async def test_an_enumeration_of_strings_is_a_string(store: DocumentStore) -> None:
    class Status(StrEnum):
        RUNNING = "RUNNING"

    await store.commit([Create(path=A, body=b"", fields={"status": Status.RUNNING, "labels": (Status.RUNNING,)})])
    found = await store.get(A)
    assert found is not None
    assert dict(found.fields) == {"status": "RUNNING", "labels": ("RUNNING",)}


@pytest.mark.parametrize(
    "path", ["", "executions", "tenants/t/executions", "/executions/a", "tenants//executions/a", "tenants/\ud800"]
)
async def test_what_is_no_path_of_a_document_is_refused(store: DocumentStore, path: str) -> None:
    with pytest.raises(BadRequest):
        await store.get(path)
    with pytest.raises(BadRequest):
        await store.commit([Put(path=path, body=b"")])


async def test_a_collection_that_is_not_declared_is_refused(store: DocumentStore) -> None:
    with pytest.raises(UndeclaredQuery):
        await store.get("tenants/t/typos/a")
    with pytest.raises(UndeclaredQuery):
        await store.commit([Create(path="tenants/t/typos/a", body=b"")])


@pytest.mark.parametrize("turns", range(8))
async def test_a_commit_whose_caller_is_cancelled_is_applied_whole_or_not_at_all(
    store: DocumentStore, turns: int
) -> None:
    caller = asyncio.create_task(store.commit([Create(path=A, body=b""), Create(path=B, body=b"")]))
    for _ in range(turns):
        await asyncio.sleep(0)
    caller.cancel()
    await asyncio.wait([caller])
    await store.commit([Create(path=C, body=b"")])
    assert await revs(store, A, B, C) in ([1, 1, 1], [None, None, 1])


async def test_closing_finishes_what_is_under_way_and_refuses_the_rest(open_store: OpenStore) -> None:
    async with open_store() as store:
        under_way = [asyncio.create_task(store.commit([Create(path=f"{A}{n}", body=b"")])) for n in range(50)]
        await asyncio.sleep(0)
        await asyncio.gather(store.close(), store.close())
        assert await asyncio.gather(*under_way) == [None] * 50
        await store.close()
        with pytest.raises(Unavailable):
            await store.commit([Create(path=B, body=b"")])
        with pytest.raises(Unavailable):
            await store.get(A)
        with pytest.raises(Unavailable):
            await store.query("tenants/t/executions", limit=1)
        with pytest.raises(Unavailable):
            await store.count("tenants/t/executions")
