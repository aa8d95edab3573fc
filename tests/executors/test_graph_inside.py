"""What is seen of a registered graph from outside, and what its nodes may use."""

import operator
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Send, interrupt

from engine.domain.failure import Usage
from engine.executors.graphs.usage import UsageCounter
from engine.executors.port import Answer, Done
from engine.executors.prices import Price, Prices
from engine.storage.sqlite.store import SqliteStore
from tests.executors.graph_steps import Workers, runs, waits


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(None)
    yield store
    await store.close()


class Seen(TypedDict, total=False):
    seen: Annotated[list[Any], operator.add]


async def test_the_nodes_of_a_subgraph_are_nested_runs_and_may_ask(store: SqliteStore) -> None:
    inner = StateGraph(Seen)
    inner.add_node("first", lambda _: {"seen": ["first"]})
    inner.add_node("ask", lambda _: {"seen": [interrupt("inside?")]})
    inner.add_edge(START, "first")
    inner.add_edge("first", "ask")
    outer = StateGraph(Seen)
    outer.add_node("sub", inner.compile())
    outer.add_edge(START, "sub")
    workers = Workers(store, graphs={"g": outer})
    with_ = {"graph": "g", "input": {"seen": []}}
    step = workers.step(with_)
    (waiting,) = waits(await workers.run(step))
    assert runs(step) == [("graph.sub", "waiting"), ("graph.sub.first", "succeeded"), ("graph.sub.ask", "waiting")]
    step = workers.step(with_, answers=[Answer(waiting, "yes")])
    assert (await workers.run(step)).output == {"seen": ["first", "yes"]}  # type: ignore[union-attr]  # it is Done
    assert runs(step) == [("graph.sub", "succeeded"), ("graph.sub.ask", "succeeded")]


async def test_visits_that_run_side_by_side_are_runs_of_their_own(store: SqliteStore) -> None:
    graph = StateGraph(Seen)
    graph.add_node("work", lambda n: {"seen": [n]})
    graph.add_conditional_edges(START, lambda _: [Send("work", n) for n in range(3)], ["work"])
    workers = Workers(store, graphs={"g": graph})
    step = workers.step({"graph": "g", "input": {"seen": []}})
    assert (await workers.run(step)).output == {"seen": [0, 1, 2]}  # type: ignore[union-attr]  # it is Done
    assert [path for path, _ in runs(step)] == ["graph.work", "graph.work[2]", "graph.work[3]"]


class Chat(TypedDict):
    messages: Annotated[list[Any], add_messages]


async def test_tokens_of_models_inside_the_graph_are_streamed_and_counted(store: SqliteStore) -> None:
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    model = GenericFakeChatModel(messages=iter([AIMessage("Hello there friend", usage_metadata=usage)]))

    async def talk(state: Chat) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(Chat)
    graph.add_node(talk)
    graph.add_edge(START, "talk")
    workers = Workers(store, graphs={"g": graph})
    step = workers.step({"graph": "g", "input": {"messages": [{"role": "user", "content": "hi"}]}})
    result = await workers.run(step)
    assert step.text == "Hello there friend"
    assert isinstance(result, Done)
    assert [message["content"] for message in result.output["messages"]] == ["hi", "Hello there friend"]
    assert result.usage is not None
    assert result.usage.model_calls == 1


async def test_the_graphs_memory_is_the_tenants(store: SqliteStore) -> None:
    async def remember(state: Seen) -> Seen:
        del state
        await get_store().aput(("facts",), "k", {"v": 1})
        return {"seen": [1]}

    def recall(state: Seen) -> Seen:
        del state
        item = get_store().get(("facts",), "k")  # in a thread
        return {"seen": [item.value if item else None]}

    graph = StateGraph(Seen)
    graph.add_node(remember)
    graph.add_node(recall)
    graph.add_edge(START, "remember")
    graph.add_edge("remember", "recall")
    workers = Workers(store, graphs={"g": graph})
    assert await workers.output({"graph": "g", "input": {"seen": []}}) == {"seen": [1, {"v": 1}]}


async def test_a_graph_that_a_node_invokes_in_a_thread_keeps_checkpoints_too(store: SqliteStore) -> None:
    inner = StateGraph(Seen)
    inner.add_node("x", lambda _: {"seen": ["x"]})
    inner.add_edge(START, "x")
    compiled = inner.compile()

    def call(state: Seen) -> Seen:
        del state
        return {"seen": compiled.invoke({"seen": []})["seen"]}

    outer = StateGraph(Seen)
    outer.add_node(call)
    outer.add_edge(START, "call")
    workers = Workers(store, graphs={"g": outer})
    assert await workers.output({"graph": "g", "input": {"seen": []}}) == {"seen": ["x"]}


@dataclass
class Point:
    x: int


class Points(TypedDict, total=False):
    points: list[Point]
    total: int


async def test_values_of_the_types_that_the_state_declares_survive_a_pause(store: SqliteStore) -> None:
    graph = StateGraph(Points)
    graph.add_node("draw", lambda _: {"points": [Point(3), Point(4)]})
    graph.add_node("ask", lambda _: interrupt("?") and {})
    graph.add_node("sum", lambda state: {"total": sum(point.x for point in state["points"])})
    graph.add_edge(START, "draw")
    graph.add_edge("draw", "ask")
    graph.add_edge("ask", "sum")
    workers = Workers(store, graphs={"g": graph})
    with_ = {"graph": "g", "input": {"total": 0}}
    (waiting,) = waits(await workers.run(workers.step(with_)))
    done = await workers.run(workers.step(with_, answers=[Answer(waiting, "yes")]))
    assert done == Done({"points": [{"x": 3}, {"x": 4}], "total": 7})


async def test_a_state_too_large_to_show_is_left_out_of_the_runs(store: SqliteStore) -> None:
    graph = StateGraph(Seen)
    graph.add_node("a", lambda _: {"seen": ["x" * 50_000]})
    graph.add_node("b", lambda _: {"seen": ["small"]})
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    workers = Workers(store, graphs={"g": graph})
    step = workers.step({"graph": "g", "input": {"seen": []}})
    await workers.run(step)
    assert [set(child.input) for child in step.children] == [{"seen"}, {"omitted"}]
    assert step.children[1].output == {"seen": ["small"]}


async def test_usage_is_counted_by_call_and_priced_by_model() -> None:
    counter = UsageCounter(Prices({"openai:gpt": Price(input=1, output=2)}))
    assert counter.usage is None
    for provider, tokens in (("openai", 1_000_000), ("other", 5)):
        run = uuid4()
        usage = {"input_tokens": tokens, "output_tokens": tokens, "total_tokens": 2 * tokens}
        reply = ChatGeneration(message=AIMessage("hi", usage_metadata=usage))
        await counter.on_chat_model_start(
            {}, [], run_id=run, metadata={"ls_provider": provider, "ls_model_name": "gpt"}
        )
        await counter.on_llm_end(LLMResult(generations=[[reply]]), run_id=run)
    await counter.on_llm_error(TimeoutError(), run_id=uuid4())
    assert counter.usage == Usage(input_tokens=1_000_005, output_tokens=1_000_005, cost_usd=3.0, model_calls=3)
