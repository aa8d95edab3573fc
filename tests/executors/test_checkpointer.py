"""The checkpointer: LangGraph's own conformance suite, size limits, cost, and use by LangGraph."""

import asyncio
import operator
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

from engine.domain.errors import Unavailable
from engine.executors.checkpoint_upkeep import delete_checkpoints
from engine.executors.checkpointer import DocumentCheckpointer
from engine.executors.loop_bridge import CalledOnTheLoop
from engine.storage.port import DocumentStore
from tests.contracts.backends import OpenStore
from tests.counted_store import CountedStore
from tests.executors.checkpoints import EXECUTION, checkpoint, config, newest, put, put_checkpoint, saver


async def test_it_conforms_to_langgraphs_suite_in_full(open_store: OpenStore) -> None:
    @checkpointer_test(name="DocumentCheckpointer")
    async def conformant() -> AsyncGenerator[BaseCheckpointSaver[Any], None]:
        async with open_store() as store:
            yield saver(store)

    report = await validate(conformant)
    assert {name: result.failures for name, result in report.results.items() if not result.passed} == {}
    assert len(report.results) == 8


# ------------------------------------------------------------------ writes


async def test_pending_writes_come_in_the_order_of_path_task_and_index(store: DocumentStore) -> None:
    owner = saver(store)
    first = await put(owner, "c1")
    await owner.aput_writes(first, [("x", 1), ("y", 2)], "b", "~2")
    await owner.aput_writes(first, [("x", 3)], "a", "~2")
    await owner.aput_writes(first, [("x", 4)], "c", "~1")
    found = await newest(owner)
    assert found is not None
    assert found[2] == [("c", "x", 4), ("a", "x", 3), ("b", "x", 1), ("b", "y", 2)]


async def test_writes_of_one_task_that_are_under_way_together_are_all_kept(store: DocumentStore) -> None:
    owner = saver(store)
    first = await put(owner, "c1")
    await asyncio.gather(
        owner.aput_writes(first, [("__resume__", ["yes"])], "task"),
        owner.aput_writes(first, [("__interrupt__", ["?"])], "task"),
        owner.aput_writes(first, [("x", 1)], "task"),
        owner.aput_writes(first, [("ignored", 2), ("y", 3)], "task"),
    )
    expected = [("task", "__resume__", ["yes"]), ("task", "__interrupt__", ["?"]), ("task", "x", 1), ("task", "y", 3)]
    for reader in (owner, saver(store), saver(store, 2)):
        found = await newest(reader)
        assert found is not None
        assert found[2] == expected


async def test_writes_that_came_before_their_checkpoint_belong_to_it(store: DocumentStore) -> None:
    owner = saver(store)
    early = config("c2")
    first = await put(owner, "c1")
    await owner.aput_writes(early, [("x", 1)], "task")
    assert (await newest(saver(store))) == ("c1", {}, [])
    await put(owner, "c2", first)
    await owner.aput_writes(early, [("x", "second"), ("y", 2)], "task")
    assert await newest(saver(store)) == ("c2", {}, [("task", "x", 1), ("task", "y", 2)])


# ------------------------------------------------------------------ size and cost


async def test_a_checkpoint_is_one_document_in_one_commit_and_takes_no_reads(store: DocumentStore) -> None:
    counted = CountedStore(store)
    owner = saver(counted)
    first = await put(owner, "c1", a=1, b=2)
    assert counted.reads == 1
    await owner.aput_writes(first, [("a", 3)], "task")
    await put(owner, "c2", first, a=3, b=2)
    assert [len(writes) for writes in counted.commits] == [1, 1, 1]
    assert counted.reads == 1


async def test_taking_a_thread_over_costs_no_commit_of_its_own(store: DocumentStore) -> None:
    first = await put(saver(store, 1), "c1", a=1)
    counted = CountedStore(store)
    owner = saver(counted, 2)
    await newest(owner)
    await put(owner, "c2", first, a=2)
    assert [len(writes) for writes in counted.commits] == [2]


async def test_a_channel_that_does_not_change_is_not_written_again(store: DocumentStore) -> None:
    counted = CountedStore(store)
    owner = saver(counted)
    large = "x" * 100_000
    after = None
    for n in range(10):
        saved = checkpoint(f"c{n}", {"large": 1, "n": n}, large=large, n=n)
        after = await put_checkpoint(owner, saved, after)
    assert counted.bytes_written < 120_000
    for reader in (owner, saver(store), saver(store, 2)):
        assert await newest(reader) == ("c9", {"large": large, "n": 9}, [])


async def test_values_of_any_size_are_kept_in_documents_that_the_store_takes(store: DocumentStore) -> None:
    counted = CountedStore(store)
    owner = saver(counted)
    state: dict[str, Any] = {f"channel{n}": bytes([n]) * 1_500_000 for n in range(4)}
    first = await put(owner, "c1", **state)
    await owner.aput_writes(first, [("x", "y" * 2_000_000)], "task")
    await owner.aput_writes(first, [("x", "other"), ("z", "z" * 2_000_000)], "task")
    for reader in (owner, saver(store), saver(store, 2)):
        assert await newest(reader) == ("c1", state, [("task", "x", "y" * 2_000_000), ("task", "z", "z" * 2_000_000)])
    for writes in counted.commits:
        assert len(writes) <= 400
        assert all(len(getattr(write, "body", b"")) <= 900_000 for write in writes)
        assert sum(len(getattr(write, "body", b"")) for write in writes) <= 3_000_000


async def test_pruning_keeps_values_that_the_newest_checkpoint_needs(store: DocumentStore) -> None:
    owner = saver(store)
    first = await put_checkpoint(owner, checkpoint("c1", {"old": 1}, old=1))
    second = await put(owner, "c2", first, n=1)
    await owner.aput_writes(second, [("n", 2)], "task")
    third = await put_checkpoint(owner, checkpoint("c3", {"old": 1, "n": 2}, n=2, old=1), second)
    await put_checkpoint(owner, checkpoint("c4", {"old": 1, "n": 2}, n=2, old=1), third)
    await owner.aprune(["t"])
    for reader in (owner, saver(store), saver(store, 2)):
        assert [found.checkpoint["id"] async for found in reader.alist(config())] == ["c4"]
        assert await newest(reader) == ("c4", {"old": 1, "n": 2}, [])


async def test_the_end_of_an_execution_deletes_all_of_its_checkpoints_and_no_others(store: DocumentStore) -> None:
    owner = saver(store)
    for thread in ("a", "b"):
        for n in range(210):
            await owner.aput_writes(config(f"c{n}", thread=thread), [("x", n)], "task")
    other = DocumentCheckpointer(store, "tenants/t1/executions/ex_2", 1)
    await put(other, "c1", a=1)
    await delete_checkpoints(store, EXECUTION)
    assert await store.count(f"{EXECUTION}/checkpoints") == 0
    assert await newest(other) == ("c1", {"a": 1}, [])


async def test_an_owner_whose_lease_ran_out_writes_nothing(store: DocumentStore) -> None:
    leases = [True]
    owner = DocumentCheckpointer(store, EXECUTION, 1, in_force=lambda: leases[-1])
    first = await put(owner, "c1", a=1)
    leases.append(False)
    with pytest.raises(Unavailable):
        await put(owner, "c2", first, a=2)
    with pytest.raises(Unavailable):
        await owner.aput_writes(first, [("a", 2)], "task")
    assert await newest(saver(store, 2)) == ("c1", {"a": 1}, [])
    assert await store.count(f"{EXECUTION}/checkpoints") == 1


# ------------------------------------------------------------------ values


@dataclass
class Custom:
    n: int


async def test_messages_come_back_as_they_were_and_unknown_types_as_plain_data(store: DocumentStore) -> None:
    message = HumanMessage("hi", id="1")
    await put(saver(store), "c1", message=message, custom=Custom(3))
    found = await newest(saver(store))
    assert found is not None
    assert found[1] == {"message": message, "custom": {"n": 3}}


# ------------------------------------------------------------------ with LangGraph


class Deltas(TypedDict):
    seen: Annotated[list[int], DeltaChannel(lambda state, writes: [*state, *(n for write in writes for n in write)])]
    n: int


async def test_delta_channels_are_rebuilt_across_epochs_and_survive_pruning(store: DocumentStore) -> None:
    graph = StateGraph(Deltas)
    graph.add_node("turn", lambda state: {"seen": [state["n"]], "n": state["n"] + 1})
    graph.add_node("ask", lambda state: {"seen": [interrupt("?")]} if state["n"] == 3 else {})
    graph.add_edge(START, "turn")
    graph.add_edge("turn", "ask")
    graph.add_conditional_edges("ask", lambda state: "turn" if state["n"] < 6 else "__end__")
    thread = config(thread="delta")
    compiled = graph.compile(checkpointer=saver(store, 1))
    await compiled.ainvoke({"seen": [], "n": 0}, thread)
    compiled = graph.compile(checkpointer=saver(store, 2))
    asked = (await compiled.aget_state(thread)).interrupts[0].id
    end = await compiled.ainvoke(Command(resume={asked: 99}), thread)
    assert end["seen"] == [0, 1, 2, 99, 3, 4, 5]
    owner = saver(store, 3)
    await owner.aprune(["delta"])
    assert (await graph.compile(checkpointer=owner).aget_state(thread)).values["seen"] == end["seen"]


async def test_synchronous_code_in_a_thread_may_use_it_and_on_the_loop_it_is_refused(store: DocumentStore) -> None:
    class Seen(TypedDict):
        seen: Annotated[list[int], operator.add]

    graph = StateGraph(Seen)
    graph.add_node("one", lambda _: {"seen": [1]})
    graph.add_edge(START, "one")
    owner = saver(store)
    compiled = graph.compile(checkpointer=owner)
    thread = config()

    def invoke() -> Any:
        return compiled.invoke({"seen": []}, thread)

    assert await asyncio.to_thread(invoke) == {"seen": [1]}
    assert len(await asyncio.to_thread(lambda: list(owner.list(thread)))) == 3
    with pytest.raises(CalledOnTheLoop, match="aget_tuple"):
        owner.get_tuple(thread)
    await asyncio.to_thread(owner.delete_thread, "t")
    assert await newest(owner) is None
