"""Fencing: what the owner of a lease sees of former owners, who may not know yet that they are."""

from engine.storage.port import DocumentStore
from tests.executors.checkpoints import config, newest, put, saver


async def test_the_next_owner_goes_on_from_what_the_former_one_left(store: DocumentStore) -> None:
    first = await put(saver(store, 1), "c1", a=1)
    await saver(store, 1).aput_writes(first, [("a", 2)], "task")
    assert await newest(saver(store, 2)) == ("c1", {"a": 1}, [("task", "a", 2)])


async def test_a_former_owner_is_not_seen_once_the_next_one_has_looked(store: DocumentStore) -> None:
    former, owner = saver(store, 1), saver(store, 2)
    first = await put(former, "c1", a=1)
    seen = await newest(owner)
    await former.aput_writes(first, [("a", "zombie")], "task")
    await put(former, "c2", first, a="zombie")
    assert await newest(owner) == seen == ("c1", {"a": 1}, [])


async def test_a_former_owner_is_not_seen_by_the_owner_after_the_next_either(store: DocumentStore) -> None:
    former, owner = saver(store, 1), saver(store, 2)
    first = await put(former, "c1", a=1)
    await newest(owner)
    await put(former, "c2", first, a="zombie")
    await owner.aput_writes(first, [("a", 2)], "task")
    await put(former, "c3", a="zombie")
    assert await newest(saver(store, 3)) == ("c1", {"a": 1}, [("task", "a", 2)])


async def test_a_former_owner_that_writes_first_into_an_empty_thread_is_not_seen(store: DocumentStore) -> None:
    former, owner = saver(store, 1), saver(store, 2)
    assert await newest(owner) is None
    await put(former, "c1", a="zombie")
    assert await newest(owner) is None
    await put(owner, "c0", a="owner")
    assert await newest(owner) == await newest(saver(store, 3)) == ("c0", {"a": "owner"}, [])


async def test_what_was_written_before_the_takeover_and_after_it_comes_together(store: DocumentStore) -> None:
    first = await put(saver(store, 1), "c1", a=1)
    await saver(store, 1).aput_writes(first, [("a", "one")], "task-1", "path-1")
    owner = saver(store, 2)
    await newest(owner)
    await owner.aput_writes(first, [("a", "two")], "task-0", "path-2")
    expected = ("c1", {"a": 1}, [("task-1", "a", "one"), ("task-0", "a", "two")])
    assert await newest(owner) == await newest(saver(store, 2)) == await newest(saver(store, 3)) == expected


async def test_the_order_of_checkpoints_does_not_hang_on_the_clocks_of_two_machines(store: DocumentStore) -> None:
    later_clock = await put(saver(store, 1), "c9", a=1)
    owner = saver(store, 2)
    await newest(owner)
    await put(owner, "c1", later_clock, a=2)
    assert await newest(owner) == await newest(saver(store, 3)) == ("c1", {"a": 2}, [])


async def test_history_leads_through_all_epochs_that_count(store: DocumentStore) -> None:
    former = saver(store, 1)
    first = await put(former, "c1", a=1)
    second = await put(former, "c2", first, a=2)
    owner = saver(store, 2)
    await newest(owner)
    third = await put(owner, "c3", second, a=3)
    await put(former, "c2b", second, a="zombie")
    last = saver(store, 3)
    await newest(last)
    await put(last, "c4", third, a=4)
    listed = [found.checkpoint["id"] async for found in saver(store, 4).alist(config())]
    assert listed == ["c4", "c3", "c2", "c1"]
    for each, value in ((first, 1), (second, 2), (third, 3)):
        found = await last.aget_tuple(each)
        assert found is not None
        assert found.checkpoint["channel_values"] == {"a": value}


async def test_a_checkpoint_can_be_written_again_by_the_next_owner(store: DocumentStore) -> None:
    await put(saver(store, 1), "c1", a=1)
    owner = saver(store, 2)
    await newest(owner)
    await put(owner, "c1", a=2)
    assert await newest(owner) == await newest(saver(store, 3)) == ("c1", {"a": 2}, [])
