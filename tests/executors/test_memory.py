"""Long-term memory: LangGraph's store interface over the engine's store."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langgraph.store.base import GetOp, MatchCondition, PutOp, SearchOp

from engine.domain.errors import PayloadTooLarge
from engine.executors.loop_bridge import CalledOnTheLoop
from engine.executors.memory import DocumentMemory
from engine.storage.port import DocumentStore


class Clock:
    """Moves on by a second at every look, so that every item has its own time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def memory(store: DocumentStore, clock: Clock) -> DocumentMemory:
    return DocumentMemory(store, "t1", now=clock)


async def found(memory: DocumentMemory, *prefix: str, **options: Any) -> list[str]:
    return [item.key for item in await memory.asearch(prefix, **options)]


async def test_an_item_comes_back_with_its_times(memory: DocumentMemory) -> None:
    await memory.aput(("users", "ann"), "likes", {"food": ["soup"], "n": 1.5})
    first = await memory.aget(("users", "ann"), "likes")
    assert first is not None
    assert (first.namespace, first.key, first.value) == (("users", "ann"), "likes", {"food": ["soup"], "n": 1.5})
    await memory.aput(("users", "ann"), "likes", {"food": []})
    second = await memory.aget(("users", "ann"), "likes")
    assert second is not None
    assert (second.value, second.created_at) == ({"food": []}, first.created_at)
    assert second.updated_at > first.updated_at


async def test_what_is_missing_or_deleted_is_none(memory: DocumentMemory) -> None:
    assert await memory.aget(("users",), "k") is None
    await memory.aput(("users",), "k", {})
    await memory.adelete(("users",), "k")
    await memory.adelete(("users",), "k")
    assert await memory.aget(("users",), "k") is None


async def test_names_that_look_alike_when_joined_are_different_items(memory: DocumentMemory) -> None:
    for n, (namespace, key) in enumerate([(("a", "b"), "c"), (("a",), "b/c"), (("a", "b/c"), ""), (("a b",), "c")]):
        await memory.aput(namespace, key, {"n": n})
    assert [item.value["n"] for item in await memory.asearch(())] == [3, 2, 1, 0]
    item = await memory.aget(("a",), "b/c")
    assert item is not None
    assert item.value == {"n": 1}


async def test_one_tenant_cannot_see_anothers_memory(store: DocumentStore, memory: DocumentMemory) -> None:
    await memory.aput(("users",), "k", {"secret": 1})
    other = DocumentMemory(store, "t2")
    assert await other.aget(("users",), "k") is None
    assert await other.asearch(()) == []
    assert await other.alist_namespaces() == []


async def test_a_search_covers_what_is_below_a_namespace_newest_first(memory: DocumentMemory) -> None:
    for namespace, key in [
        (("users",), "0"),
        (("users", "ann"), "1"),
        (("users", "ann", "x"), "2"),
        (("usersx",), "3"),
    ]:
        await memory.aput(namespace, key, {})
    assert await found(memory, "users") == ["2", "1", "0"]
    assert await found(memory, "users", "ann") == ["2", "1"]
    assert await found(memory) == ["3", "2", "1", "0"]
    assert await found(memory, "user") == []


async def test_a_search_pages_through_any_number_of_items(memory: DocumentMemory) -> None:
    await memory.abatch([PutOp(("n",), str(n), {"n": n, "even": n % 2 == 0}) for n in range(450)])
    everything: list[str] = []
    for offset in range(0, 460, 40):
        everything += await found(memory, "n", limit=40, offset=offset)
    assert len(everything) == len(set(everything)) == 450
    assert len(await found(memory, "n", filter={"even": True}, limit=1000)) == 225
    assert await found(memory, "n", limit=0) == []


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        ({"n": 2}, ["b"]),
        ({"n": {"$gt": 1}}, ["c", "b"]),
        ({"n": {"$gte": 1, "$lt": 3}}, ["b", "a"]),
        ({"n": {"$ne": 2}}, ["d", "c", "a"]),
        ({"at": {"$lte": "2026-02"}}, ["a"]),
        ({"deep": {"x": {"$eq": 1}}}, ["d"]),
        ({"deep": {"x": 1, "y": [1, 2]}}, ["d"]),
        ({"missing": {"$gt": 1}}, []),
        ({"n": None}, ["d"]),
    ],
)
async def test_a_filter_compares_entries(memory: DocumentMemory, wanted: dict[str, Any], keys: list[str]) -> None:
    await memory.aput(("n",), "a", {"n": 1, "at": "2026-01-05"})
    await memory.aput(("n",), "b", {"n": 2, "at": "2026-03-05"})
    await memory.aput(("n",), "c", {"n": 3})
    await memory.aput(("n",), "d", {"deep": {"x": 1, "y": [1, 2]}})
    assert await found(memory, "n", filter=wanted) == keys


async def test_an_operator_that_does_not_exist_is_refused(memory: DocumentMemory) -> None:
    await memory.aput(("n",), "a", {"n": 1})
    with pytest.raises(ValueError, match="no operator"):
        await memory.asearch(("n",), filter={"n": {"$near": 1}})


async def test_a_query_by_meaning_has_no_effect(memory: DocumentMemory) -> None:
    await memory.aput(("n",), "a", {"text": "soup"}, index=["text"])
    assert await found(memory, "n", query="food") == ["a"]


async def test_namespaces_are_listed_by_prefix_suffix_and_depth(memory: DocumentMemory) -> None:
    for namespace in [("a",), ("a", "b"), ("a", "b", "v1"), ("a", "c", "v1"), ("ab", "v1"), ("z",)]:
        for key in "xyz":
            await memory.aput(namespace, key, {})
    every = [("a",), ("a", "b"), ("a", "b", "v1"), ("a", "c", "v1"), ("ab", "v1"), ("z",)]
    assert await memory.alist_namespaces() == every
    assert await memory.alist_namespaces(prefix=("a",)) == every[:4]
    assert await memory.alist_namespaces(prefix=("a", "*", "v1")) == [("a", "b", "v1"), ("a", "c", "v1")]
    assert await memory.alist_namespaces(suffix=("v1",)) == [("a", "b", "v1"), ("a", "c", "v1"), ("ab", "v1")]
    assert await memory.alist_namespaces(prefix=("a",), suffix=("b",)) == [("a", "b")]
    assert await memory.alist_namespaces(max_depth=1) == [("a",), ("ab",), ("z",)]
    assert await memory.alist_namespaces(limit=2, offset=1) == every[1:3]
    assert MatchCondition("prefix", ("a",)).path == ("a",)


async def test_an_item_expires_that_long_after_it_was_last_read(memory: DocumentMemory, clock: Clock) -> None:
    await memory.aput(("n",), "a", {}, ttl=10)
    await memory.aput(("n",), "b", {}, ttl=10)
    await memory.aput(("n",), "c", {})
    clock.pass_minutes(6)
    assert await memory.aget(("n",), "a") is not None
    assert await memory.aget(("n",), "b", refresh_ttl=False) is not None
    clock.pass_minutes(6)
    assert await memory.aget(("n",), "b") is None
    assert await found(memory, "n") == ["c", "a"]
    clock.pass_minutes(6)
    assert await found(memory, "n", refresh_ttl=False) == ["c", "a"]
    clock.pass_minutes(6)
    assert await found(memory, "n") == ["c"]


async def test_expired_items_are_swept_by_the_stores_own_rule_and_their_namespace_is_gone(
    store: DocumentStore, memory: DocumentMemory, clock: Clock
) -> None:
    await memory.aput(("gone",), "a", {}, ttl=1)
    await memory.aput(("mixed",), "a", {}, ttl=1)
    await memory.aput(("mixed",), "b", {})
    (document,) = [each for each in await store.query("tenants/t1/memory", limit=9) if b"gone" in each.body]
    assert isinstance(document.fields["expire_at"], datetime)
    clock.pass_minutes(2)
    assert await memory.alist_namespaces() == [("mixed",)]


async def test_an_expired_item_that_is_written_again_is_a_new_one(memory: DocumentMemory, clock: Clock) -> None:
    await memory.aput(("n",), "a", {}, ttl=1)
    clock.pass_minutes(2)
    await memory.aput(("n",), "a", {"new": True})
    item = await memory.aget(("n",), "a")
    assert item is not None
    assert item.created_at == item.updated_at


async def test_a_batch_reads_what_was_there_before_it_and_its_last_write_counts(memory: DocumentMemory) -> None:
    results = await memory.abatch(
        [
            PutOp(("n",), "a", {"n": 1}),
            GetOp(("n",), "a"),
            SearchOp(("n",)),
            PutOp(("n",), "a", {"n": 2}),
        ]
    )
    assert results == [None, None, [], None]
    item = await memory.aget(("n",), "a")
    assert item is not None
    assert item.value == {"n": 2}


async def test_a_value_that_no_document_takes_is_refused(memory: DocumentMemory) -> None:
    with pytest.raises(PayloadTooLarge):
        await memory.aput(("n",), "a", {"text": "x" * 1_000_001})


async def test_synchronous_code_in_a_thread_may_use_it_and_on_the_loop_it_is_refused(memory: DocumentMemory) -> None:
    await asyncio.to_thread(memory.put, ("n",), "a", {"n": 1})
    item = await asyncio.to_thread(memory.get, ("n",), "a")
    assert item is not None
    assert item.value == {"n": 1}
    with pytest.raises(CalledOnTheLoop):
        memory.get(("n",), "a")


async def test_many_large_items_are_put_at_once(memory: DocumentMemory) -> None:
    puts = [PutOp(("large",), str(n), {"text": "x" * 900_000}) for n in range(12)]
    await memory.abatch(puts)
    assert await found(memory, "large", limit=20) == [str(n) for n in reversed(range(12))]
