"""Graphs registered from Python: compiled graphs, `@entrypoint`s and plain Runnables."""

import asyncio
import operator
from collections.abc import AsyncIterator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

from engine.executors.port import Answer, Done, StepFailure, Suspended
from engine.storage.sqlite.store import SqliteStore
from tests.executors.graph_steps import Workers, failure, runs, waits


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(None)
    yield store
    await store.close()


class Seen(TypedDict, total=False):
    seen: Annotated[list[Any], operator.add]


class Gate:
    """Where a node hangs at its first visit, as if its worker had died there."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.calls: list[str] = []

    async def pass_as(self, name: str, *, hangs: bool = False) -> None:
        self.calls.append(name)
        if hangs and self.calls.count(name) == 1:
            self.reached.set()
            await asyncio.Event().wait()

    async def crash(self, workers: Workers, with_: dict[str, Any], *answers: Answer) -> None:
        running = asyncio.create_task(workers.run(workers.step(with_, answers=answers)))
        await self.reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


def three_nodes(gate: Gate) -> StateGraph[Seen]:
    graph = StateGraph(Seen)

    async def one(state: Seen) -> Seen:
        del state
        await gate.pass_as("one")
        get_stream_writer()({"message": "one is done", "n": 1})
        return {"seen": ["one"]}

    async def two(state: Seen) -> Seen:
        del state
        await gate.pass_as("two", hangs=True)
        return {"seen": ["two"]}

    graph.add_node(one)
    graph.add_node(two)
    graph.add_edge(START, "one")
    graph.add_edge("one", "two")
    return graph


# ------------------------------------------------------------------ compiled graphs


async def test_nodes_and_what_they_write_to_the_stream_are_shown(store: SqliteStore) -> None:
    gate = Gate()
    gate.calls.append("two")  # does not hang
    workers = Workers(store, graphs={"g": three_nodes(gate).compile()})
    step = workers.step({"graph": "g", "input": {"seen": ["start"]}})
    assert (await workers.run(step)).output == {"seen": ["start", "one", "two"]}  # type: ignore[union-attr]  # it is Done
    assert runs(step) == [("graph.one", "succeeded"), ("graph.two", "succeeded")]
    assert step.children[0].input == {"seen": ["start"]}
    assert step.children[0].output == {"seen": ["one"]}
    assert [(each.message, each.data) for each in step.progressed] == [("one is done", {"n": 1})]
    assert len(step.checkpoints) == 4


async def test_after_a_crash_finished_nodes_are_not_run_again(store: SqliteStore) -> None:
    gate = Gate()
    workers = Workers(store, graphs={"g": three_nodes(gate)})
    with_ = {"graph": "g", "input": {"seen": []}, "output": "${ state.seen }"}
    await gate.crash(workers, with_)
    step = workers.step(with_)
    assert (await workers.run(step)).output == ["one", "two"]  # type: ignore[union-attr]  # it is Done
    assert gate.calls == ["one", "two", "two"]
    assert runs(step) == [("graph.two", "succeeded")]


async def test_the_users_object_and_its_own_checkpointer_are_left_alone(store: SqliteStore) -> None:
    gate = Gate()
    gate.calls.append("two")
    own = InMemorySaver()
    compiled = three_nodes(gate).compile(checkpointer=own)
    workers = Workers(store, graphs={"g": compiled})
    await workers.output({"graph": "g", "input": {"seen": []}})
    assert compiled.checkpointer is own
    assert not own.storage


def asking() -> Any:
    """Two nodes side by side that ask, and one behind them."""
    graph = StateGraph(Seen)

    def left(state: Seen) -> Seen:
        del state
        return {"seen": [interrupt({"prompt": "left?", "schema": {"type": ["string", "null"]}, "assignees": ["ann"]})]}

    def right(state: Seen) -> Seen:
        del state
        return {"seen": [interrupt("right?")]}

    graph.add_node(left)
    graph.add_node(right)
    graph.add_node("end", lambda _: {"seen": ["end"]})
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "end")
    return graph.compile()


async def test_parallel_interrupts_are_answered_one_at_a_time(store: SqliteStore) -> None:
    workers = Workers(store, graphs={"g": asking()})
    with_ = {"graph": "g", "input": {"seen": []}}
    step = workers.step(with_)
    result = await workers.run(step)
    assert isinstance(result, Suspended)
    asked = {wait.prompt: wait for wait in result.waits}
    assert set(asked) == {"left?", "right?"}
    assert (asked["left?"].schema, asked["left?"].assignees) == ({"type": ["string", "null"]}, ("ann",))
    assert runs(step) == [("graph.left", "waiting"), ("graph.right", "waiting")]

    answers = [Answer(asked["right?"].interrupt_id, "R")]
    step = workers.step(with_, answers=answers)
    assert list(waits(await workers.run(step)).values()) == ["left?"]
    assert ("graph.right", "succeeded") in runs(step)

    answers.append(Answer(asked["left?"].interrupt_id, None))
    step = workers.step(with_, answers=answers)
    done = await workers.run(step)
    assert done.output == {"seen": [None, "R", "end"]}  # type: ignore[union-attr]  # it is Done
    assert runs(step) == [("graph.left", "succeeded"), ("graph.end", "succeeded")]


async def test_a_pause_that_was_saved_but_not_told_is_told_again_without_running_anything(store: SqliteStore) -> None:
    asked: list[int] = []

    def ask(state: Seen) -> Seen:
        del state
        asked.append(1)
        return {"seen": [interrupt("?")]}

    graph = StateGraph(Seen)
    graph.add_node(ask)
    graph.add_edge(START, "ask")
    workers = Workers(store, graphs={"g": graph})
    with_ = {"graph": "g", "input": {"seen": []}}
    assert waits(await workers.run(workers.step(with_))) == waits(await workers.run(workers.step(with_)))
    assert asked == [1]


async def test_a_node_that_asks_twice_gets_both_answers_in_order(store: SqliteStore) -> None:
    def ask(state: Seen) -> Seen:
        del state
        return {"seen": [interrupt("one?"), interrupt("two?")]}

    graph = StateGraph(Seen)
    graph.add_node(ask)
    graph.add_edge(START, "ask")
    workers = Workers(store, graphs={"g": graph})
    with_ = {"graph": "g", "input": {"seen": []}}
    answers: list[Answer] = []
    for prompt, value in (("one?", 1), ("two?", 2)):
        asked = waits(await workers.run(workers.step(with_, answers=answers)))
        assert list(asked.values()) == [prompt]
        answers.append(Answer(next(iter(asked)), value))
    assert await workers.run(workers.step(with_, answers=answers)) == Done({"seen": [1, 2]})


async def test_what_a_node_raises_is_the_steps_failure_and_shows_at_the_node(store: SqliteStore) -> None:
    def broken(state: Seen) -> Seen:
        del state
        raise ConnectionError("gone")

    graph = StateGraph(Seen)
    graph.add_node(broken)
    graph.add_edge(START, "broken")
    workers = Workers(store, graphs={"g": graph})
    step = workers.step({"graph": "g", "input": {"seen": []}})
    with pytest.raises(StepFailure) as raised:
        await workers.run(step)
    assert (raised.value.failure.code, raised.value.failure.retryable) == ("connection_error", True)
    assert runs(step) == [("graph.broken", "failed")]


def endless() -> StateGraph[Seen]:
    graph = StateGraph(Seen)
    graph.add_node("turn", lambda _: {"seen": [1]})
    graph.add_edge(START, "turn")
    graph.add_edge("turn", "turn")
    return graph


async def test_an_endless_graph_ends_at_the_recursion_limit(store: SqliteStore) -> None:
    failed = await failure(Workers(store, graphs={"g": endless()}), {"graph": "g", "input": {"seen": []}})
    assert (failed.code, failed.retryable, failed.details["limit"]) == ("recursion_limit", False, 25)


async def test_a_recursion_limit_that_the_author_of_the_graph_set_is_respected(store: SqliteStore) -> None:
    graph = endless().compile().with_config(recursion_limit=3)
    failed = await failure(Workers(store, graphs={"g": graph}), {"graph": "g", "input": {"seen": []}})
    assert failed.details["limit"] == 3


@pytest.mark.parametrize(("when", "prompt"), [("interrupt_before", "before b"), ("interrupt_after", "after a")])
async def test_a_breakpoint_pauses_the_step_until_somebody_answers(store: SqliteStore, when: str, prompt: str) -> None:
    graph = StateGraph(Seen)
    graph.add_node("a", lambda _: {"seen": ["a"]})
    graph.add_node("b", lambda _: {"seen": ["b"]})
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    before, after = (["b"], None) if when == "interrupt_before" else (None, ["a"])
    compiled = graph.compile(interrupt_before=before, interrupt_after=after)
    workers = Workers(store, graphs={"g": compiled})
    with_ = {"graph": "g", "input": {"seen": []}}
    paused = waits(await workers.run(workers.step(with_)))
    assert list(paused.values()) == [f"The graph paused {prompt}."]
    assert waits(await workers.run(workers.step(with_))) == paused
    done = await workers.run(workers.step(with_, answers=[Answer(next(iter(paused)), None)]))
    assert done.output == {"seen": ["a", "b"]}  # type: ignore[union-attr]  # it is Done


async def test_a_state_that_is_no_json_is_refused(store: SqliteStore) -> None:
    graph = StateGraph(Seen)
    graph.add_node("a", lambda _: {"seen": [1 + 2j]})
    graph.add_edge(START, "a")
    failed = await failure(Workers(store, graphs={"g": RunnableLambda(lambda _: object()), "h": graph}), {"graph": "g"})
    assert (failed.code, failed.retryable) == ("bad_result", False)


async def test_a_graph_that_is_not_registered_is_named_with_what_comes_close(store: SqliteStore) -> None:
    failed = await failure(Workers(store, graphs={"research": endless()}), {"graph": "reserch"})
    assert failed.code == "graph_not_found"
    assert "did you mean research?" in failed.message


# ------------------------------------------------------------------ entrypoints


def workflow(gate: Gate) -> Any:
    @task
    async def add(n: int) -> int:
        await gate.pass_as("add")
        return n + 1

    @task
    async def hang(n: int) -> int:
        await gate.pass_as("hang", hangs=True)
        return n * 10

    @entrypoint()
    async def run(n: int) -> dict[str, Any]:
        get_stream_writer()({"message": "begun"})
        added = await add(n)
        times = await hang(added)
        return {"result": times, "answer": interrupt({"prompt": "good?"})}

    return run


async def test_an_entrypoint_streams_crashes_resumes_and_is_answered(store: SqliteStore) -> None:
    gate = Gate()
    workers = Workers(store, graphs={"e": workflow(gate)})
    with_ = {"graph": "e", "input": 4}
    await gate.crash(workers, with_)

    step = workers.step(with_)
    (waiting,) = waits(await workers.run(step))
    assert gate.calls == ["add", "hang", "hang"]
    assert runs(step) == [("graph.run", "waiting"), ("graph.hang", "succeeded")]
    assert [each.message for each in step.progressed] == ["begun"]

    step = workers.step(with_, answers=[Answer(waiting, None)])
    assert (await workers.run(step)).output == {"result": 50, "answer": None}  # type: ignore[union-attr]  # it is Done
    assert gate.calls == ["add", "hang", "hang"]
    assert runs(step) == [("graph.run", "succeeded")]
    assert await workers.output(with_) == {"result": 50, "answer": None}


# ------------------------------------------------------------------ plain runnables


async def test_a_plain_runnable_is_invoked_once(store: SqliteStore) -> None:
    workers = Workers(store, graphs={"double": RunnableLambda(lambda given: {"n": given["n"] * 2})})
    assert await workers.output({"graph": "double", "input": {"n": 4}, "output": "${ state.n }"}) == 8


async def test_a_former_owner_that_goes_on_writing_changes_nothing(store: SqliteStore) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    called: list[int] = []

    async def slow(state: Seen) -> Seen:
        del state
        called.append(1)
        if len(called) == 1:
            reached.set()
            await go_on.wait()
            return {"seen": ["zombie"]}
        return {"seen": ["owner"]}

    graph = StateGraph(Seen)
    graph.add_node("first", lambda _: {"seen": ["first"]})
    graph.add_node(slow)
    graph.add_node("ask", lambda _: {"seen": [interrupt("?")]})
    graph.add_edge(START, "first")
    graph.add_edge("first", "slow")
    graph.add_edge("slow", "ask")
    graph.add_edge("ask", END)
    workers = Workers(store, graphs={"g": graph})
    with_ = {"graph": "g", "input": {"seen": []}}
    zombie = asyncio.create_task(workers.run(workers.step(with_)))
    await reached.wait()
    (waiting,) = waits(await workers.run(workers.step(with_)))
    go_on.set()
    assert isinstance(await zombie, Suspended)
    result = await workers.run(workers.step(with_, answers=[Answer(waiting, "yes")]))
    assert result.output == {"seen": ["first", "owner", "yes"]}  # type: ignore[union-attr]  # it is Done
