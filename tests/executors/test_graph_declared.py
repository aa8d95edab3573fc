"""Declared graphs: state, edges, and what is refused when they run."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda

from engine.executors.port import Answer, StepFailure
from engine.executors.script import parse_scripts
from engine.storage.sqlite.store import SqliteStore
from tests.executors.graph_steps import Workers, chain, failure, runs, value, waits


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(None)
    yield store
    await store.close()


# ------------------------------------------------------------------ state and edges


RESEARCH = {
    "state": {
        "notes": {"type": "array", "reduce": "append"},
        "question": {"type": "string"},
        "done": {"type": "boolean"},
    },
    "entry": "plan",
    "recursion_limit": 12,
    "nodes": {
        "plan": {
            "kind": "function",
            "with": {"call": "plan", "args": {"prompt": "${ state.question }"}},
            "update": {"notes": "${ [output] }"},
        },
        "search": {
            "kind": "function",
            "with": {"call": "search", "args": {"query": "${ state.notes[size(state.notes)-1] }"}},
            "update": {"notes": "${ output }"},
        },
        "critique": {
            "kind": "function",
            "with": {"call": "critique", "args": {"notes": "${ state.notes }"}},
            "update": {"done": "${ output.done }"},
        },
    },
    "edges": [
        {"from": "plan", "to": "search"},
        {"from": "search", "to": "critique"},
        {"from": "critique", "to": "END", "when": "${ state.done }"},
        {"from": "critique", "to": "plan"},
    ],
    "input": {"question": "why?"},
    "output": "${ state.notes }",
}
"""The example of the language, with functions in place of models."""


def plan(prompt: str) -> str:
    return f"plan for {prompt}"


def search(query: str) -> list[str]:
    return [f"found by {query}"]


def critique(notes: list[str]) -> dict[str, bool]:
    return {"done": len(notes) >= 4}


async def test_a_graph_with_a_cycle_goes_round_until_its_condition_holds(store: SqliteStore) -> None:
    workers = Workers(store, functions=[plan, search, critique])
    step = workers.step(RESEARCH)
    result = await workers.run(step)
    assert result.output == ["plan for why?", "found by plan for why?"] * 2  # type: ignore[union-attr]  # it is Done
    assert runs(step) == [
        ("graph.plan", "succeeded"),
        ("graph.search", "succeeded"),
        ("graph.critique", "succeeded"),
        ("graph.plan[2]", "succeeded"),
        ("graph.search[2]", "succeeded"),
        ("graph.critique[2]", "succeeded"),
    ]
    assert step.children[1].input == {"call": "search", "args": {"query": "plan for why?"}}
    assert step.children[1].output == ["found by plan for why?"]


async def test_every_checkpoint_of_the_graph_is_told_to_the_step(store: SqliteStore) -> None:
    workers = Workers(store)
    step = workers.step(chain(a=value(), b=value()))
    await workers.run(step)
    assert (
        len(step.checkpoints) == len(set(step.checkpoints)) == 4
    )  # the input, its distribution, and one after each node


async def test_the_output_is_the_whole_state_unless_an_expression_says_otherwise(store: SqliteStore) -> None:
    with_ = {**chain(a=value(), b=value()), "input": {"seen": ["before"]}}
    assert await Workers(store).output(with_) == {"seen": ["before", "a", "b"]}


async def test_an_output_that_is_null_by_expression_is_null(store: SqliteStore) -> None:
    assert await Workers(store).output({**chain(a=value()), "output": None}) is None


@pytest.mark.parametrize(
    ("channel", "first", "updates", "expected"),
    [
        ({"type": "string"}, "x", ["a", "b"], "b"),
        ({"type": "array", "reduce": "append"}, [], [[1, 2], 3], [1, 2, 3]),
        ({"type": "object", "reduce": "merge"}, {"a": 1}, [{"b": 2}, {"a": 3}], {"a": 3, "b": 2}),
        ({"type": "number", "reduce": "add"}, 1, [2, 0.5], 3.5),
        ({"reduce": "add"}, None, [2, 3], 5),
        ({"reduce": "max"}, 3, [5, 4], 5),
        ({"reduce": "min"}, 3, [5, 2], 2),
        (
            {"type": "array", "reduce": "messages"},
            [{"role": "user", "content": "hi", "id": "1"}],
            [{"role": "user", "content": "hello", "id": "1"}, [{"role": "assistant", "content": "yes"}]],
            [{"role": "user", "content": "hello", "id": "1"}, {"role": "assistant", "content": "yes"}],
        ),
        ({"reduce": "messages"}, [{"id": "1"}, {"id": "2"}], [{"type": "remove", "id": "1"}, []], [{"id": "2"}]),
        (
            {"reduce": "messages"},
            [{"id": "1"}],
            [{"type": "remove", "id": "__remove_all__"}, {"id": "3"}],
            [{"id": "3"}],
        ),
    ],
)
async def test_a_channel_takes_updates_in_by_its_reducer(
    store: SqliteStore, channel: dict[str, Any], first: Any, updates: list[Any], expected: Any
) -> None:
    one, two = updates
    with_ = chain(a={**value(one), "update": {"it": "${ output }"}}, b={**value(two), "update": {"it": "${ output }"}})
    assert (
        await Workers(store).output(
            {**with_, "state": {"it": channel}, "input": {"it": first}, "output": "${ state.it }"}
        )
        == expected
    )


async def test_channels_begin_with_their_default(store: SqliteStore) -> None:
    with_ = chain(a={**value("${ [state.count, state.empty, state.nothing] }"), "update": {"got": "${ output }"}})
    state = {"count": {"default": 7}, "empty": {"reduce": "append"}, "nothing": {}, "got": {}}
    assert await Workers(store).output({**with_, "state": state, "output": "${ state.got }"}) == [7, [], None]


async def test_the_first_condition_that_holds_decides_and_the_plain_edges_are_for_when_none_does() -> None:
    def with_(n: int) -> dict[str, Any]:
        graph = chain(a=value(), b=value(), c=value(), d=value())
        graph["state"]["n"] = {"type": "integer"}
        graph["edges"] = [
            {"from": "a", "to": "b", "when": "state.n > 5"},
            {"from": "a", "to": "c", "when": "${ state.n > 3 }"},
            {"from": "a", "to": "d"},
            *({"from": node, "to": "END"} for node in "bcd"),
        ]
        return {**graph, "input": {"n": n}, "output": "${ state.seen }"}

    for n, way in ((9, "b"), (4, "c"), (1, "d")):
        other = await SqliteStore.open(None)
        assert await Workers(other).output(with_(n)) == ["a", way]
        await other.close()


async def test_edges_from_start_may_have_conditions(store: SqliteStore) -> None:
    with_ = chain(a=value(), b=value())
    del with_["entry"]
    with_["edges"] = [
        {"from": "START", "to": "b", "when": "size(state.seen) > 0"},
        {"from": "START", "to": "a"},
        {"from": "a", "to": "END"},
        {"from": "b", "to": "END"},
    ]
    assert await Workers(store).output({**with_, "input": {"seen": ["x"]}}) == {"seen": ["x", "b"]}


async def test_a_node_without_an_edge_whose_condition_holds_fails_rather_than_ends_the_graph(
    store: SqliteStore,
) -> None:
    with_ = chain(a=value())
    with_["edges"] = [{"from": "a", "to": "END", "when": "false"}]
    failed = await failure(Workers(store), with_)
    assert (failed.code, failed.retryable) == ("no_edge", False)


# ------------------------------------------------------------------ limits and refusals


@pytest.mark.parametrize(("limit", "ends"), [(2, False), (3, True)])
async def test_the_recursion_limit_counts_super_steps(store: SqliteStore, limit: int, ends: bool) -> None:  # noqa: FBT001 - a parameter
    workers = Workers(store)
    with_ = {**chain(a=value(), b=value(), c=value()), "recursion_limit": limit}
    if ends:
        assert await workers.output(with_) == {"seen": ["a", "b", "c"]}
        return
    failed = await failure(workers, with_)
    assert (failed.code, failed.retryable, failed.details["limit"]) == ("recursion_limit", False, 2)


async def test_the_recursion_limit_is_not_renewed_by_a_pause(store: SqliteStore) -> None:
    workers = Workers(store)
    ask = {"kind": "approval", "with": {"prompt": "?"}}
    with_ = {**chain(a=value(), ask=ask, b=value(), c=value(), d=value()), "recursion_limit": 3}
    (waiting,) = waits(await workers.run(workers.step(with_)))
    with pytest.raises(StepFailure) as raised:
        await workers.run(workers.step(with_, answers=[Answer(waiting, "yes")]))
    assert raised.value.failure.code == "recursion_limit"


async def test_an_unknown_input_channel_is_refused(store: SqliteStore) -> None:
    failed = await failure(Workers(store), {**chain(a=value()), "input": {"sen": []}})
    assert (failed.code, failed.details["path"]) == ("invalid_input", ["with", "input", "sen"])


async def test_an_input_of_the_wrong_type_is_refused(store: SqliteStore) -> None:
    failed = await failure(
        Workers(store), {**chain(a=value()), "state": {"seen": {"type": "string"}}, "input": {"seen": 3}}
    )
    assert (failed.code, failed.details["path"]) == ("invalid_input", ["with", "input", "seen"])


async def test_an_update_of_the_wrong_type_fails_the_node(store: SqliteStore) -> None:
    workers = Workers(store)
    step = workers.step({**chain(a=value(), b=value()), "state": {"seen": {"type": "integer"}}})
    with pytest.raises(StepFailure) as raised:
        await workers.run(step)
    failed = raised.value.failure
    assert (failed.code, failed.step_id) == ("invalid_update", "graph.a")
    assert failed.details["path"] == ["with", "nodes", "a", "update", "seen"]
    assert runs(step) == [("graph.a", "failed")]


@pytest.mark.parametrize(
    ("node", "code", "path"),
    [
        ({"kind": "functio", "with": {}}, "unknown_kind", ["with", "nodes", "a", "kind"]),
        ({"kind": "transform", "with": {"val": 1}}, "invalid_with", ["with", "nodes", "a", "with"]),
        (
            {"kind": "transform", "with": {"value": "${ state.x }"}},
            "expression_failed",
            ["with", "nodes", "a", "with", "value"],
        ),
        (
            {"kind": "transform", "with": {"value": 1}, "update": {"seen": "${ output.x }"}},
            "expression_failed",
            ["with", "nodes", "a", "update", "seen"],
        ),
        ({"kind": "fail", "with": {"code": "sold_out", "message": "none left"}}, "sold_out", None),
    ],
)
async def test_what_a_node_gets_wrong_is_told_with_its_place(
    store: SqliteStore, node: dict[str, Any], code: str, path: list[str] | None
) -> None:
    failed = await failure(Workers(store), chain(a=node))
    assert (failed.code, failed.step_id, failed.retryable) == (code, "graph.a", False)
    assert (failed.details["path"] if path else failed.details) == path


async def test_a_graph_can_be_a_node_and_keeps_its_own_checkpoints(store: SqliteStore) -> None:
    inner = {**chain(x=value(), y=value()), "output": "${ state.seen }"}
    with_ = chain(a={"kind": "graph", "with": inner, "update": {"seen": "${ output }"}}, b=value())
    workers = Workers(store)
    step = workers.step(with_)
    assert (await workers.run(step)).output == {"seen": ["x", "y", "b"]}  # type: ignore[union-attr]  # it is Done
    assert [path for path, _ in runs(step)] == ["graph.a", "graph.a.x", "graph.a.y", "graph.b"]


async def test_what_a_node_runs_knows_nothing_of_the_graph_around_it(store: SqliteStore) -> None:
    """LangGraph would take a graph that is invoked in there for a subgraph, and its interrupts for the outer graph's."""

    def look(_: Any, config: RunnableConfig) -> list[str]:
        return sorted(config["configurable"])

    node = {"kind": "graph", "with": {"graph": "look"}, "update": {"seen": "${ output }"}}
    workers = Workers(store, graphs={"look": RunnableLambda(look)})
    assert await workers.output(chain(a=node)) == {"seen": []}


async def test_a_node_may_decide_by_cases_or_leave_the_choice_to_a_model(store: SqliteStore) -> None:
    cases = {"cases": [{"when": "state.seen == []", "value": "${ [size(state.seen)] }"}]}
    choose = {"choose": {"from": "${ ['none', 'some', string(state.seen[0])] }", "by": "scripted:chooser"}}
    with_ = chain(
        a={"kind": "decide", "with": cases, "update": {"seen": "${ output }"}},
        b={"kind": "decide", "with": choose, "update": {"seen": "${ output }"}},
    )
    scripts = parse_scripts('models: {chooser: {replies: [{when: {system: "- 0"}, reply: {choice: some}}]}}')
    workers = Workers(store, scripts=scripts)
    step = workers.step(with_)
    assert (await workers.run(step)).output == {"seen": [0, "some"]}  # type: ignore[union-attr]  # it is Done
    assert runs(step) == [("graph.a", "succeeded"), ("graph.b", "succeeded")]
    assert step.usage.model_calls == 1
