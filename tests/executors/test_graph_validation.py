"""What is said about a graph that is declared wrongly, and what may be offered from Python."""

import sys
from types import ModuleType
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph
from langgraph.pregel import Pregel
from pydantic import ValidationError

from engine.domain.definition import WorkflowDefinition
from engine.executors.graph import GraphWith
from engine.executors.graphs.builder import GraphBuilder
from engine.executors.graphs.registry import Graphs
from engine.executors.parts import Offered, PartsRefused
from weft import graph as offer


def graph(**changes: Any) -> dict[str, Any]:
    """A graph that is right, but for the changes."""
    right = {
        "state": {"seen": {"type": "array", "reduce": "append"}},
        "entry": "one",
        "nodes": {
            "one": {"kind": "transform", "with": {"value": 1}},
            "two": {"kind": "transform", "with": {"value": 2}},
        },
        "edges": [{"from": "one", "to": "two"}, {"from": "two", "to": "END"}],
    }
    return {**right, **changes}


def problems(with_: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and message of each."""
    with pytest.raises(ValidationError) as raised:
        GraphWith.model_validate(with_)
    return [(".".join(map(str, error["loc"])), error["msg"]) for error in raised.value.errors()]


NODE = {"kind": "transform"}


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"edges": [{"from": "one", "to": "tow"}]}, "edges.0.to", "there is no node 'tow'; did you mean two?"),
        ({"edges": [{"from": "on", "to": "two"}]}, "edges.0.from", "there is no node 'on'; did you mean one?"),
        ({"edges": [{"from": "END", "to": "two"}]}, "edges.0.from", "no edge leads from END or to START"),
        ({"entry": "oen"}, "entry", "there is no node 'oen'; did you mean one?"),
        ({"entry": None}, "", "the graph has no beginning; name the first node in `entry`"),
        ({"entry": "two"}, "nodes.one", "no edge leads to node 'one'"),
        (
            {"edges": [{"from": "one", "to": "two"}, {"from": "two", "to": "one"}]},
            "nodes.one",
            "there is no way from node 'one' to END; add an edge {from: one, to: END}",
        ),
        (
            {"state": {"seen": {"reduce": "apend"}}},
            "state.seen.reduce",
            "there is no reducer 'apend'; did you mean append?",
        ),
        (
            {"state": {"seen": {"type": "string", "reduce": "append"}}},
            "state.seen.reduce",
            "the reducer 'append' does not work on type 'string'; type array",
        ),
        ({"state": {"seen": {"type": "strin"}}}, "state.seen.type", None),
        ({"state": {"a:b": {}}}, "state.a:b", None),
        ({"nodes": {"one": NODE, "two|": NODE}}, "nodes.two|", None),
        ({"nodes": {"one": NODE, "END": NODE}}, "nodes.END", None),
        ({"nodes": {"one": NODE, "two": {"kind": "map"}}}, "nodes.two.kind", None),
        (
            {"nodes": {"one": {**NODE, "update": {"see": 1}}, "two": NODE}},
            "nodes.one.update.see",
            "there is no channel 'see'; did you mean seen?",
        ),
        ({"nodes": {"one": NODE, "two": {"kind": "sleep"}}}, "nodes.two.kind", None),
        ({"input": {"seen": ["${ secrets.crm }"]}}, "input", None),
        ({"nodes": {"one": {**NODE, "update": {"seen": "${ secrets.crm }"}}, "two": NODE}}, "nodes.one.update", None),
        ({"recursion_limit": 1001}, "recursion_limit", None),
        ({"recursion_limit": 0}, "recursion_limit", None),
        ({"edges": [{"from": "one", "to": "two", "wen": "true"}]}, "edges.0.wen", None),
        ({"graph": "research"}, "nodes", "a registered graph has its own"),
    ],
)
def test_a_wrong_graph_is_refused_with_place_and_hint(changes: dict[str, Any], path: str, message: str | None) -> None:
    found = dict(problems(graph(**changes)))
    assert path in found
    assert message is None or found[path] == message


def test_all_problems_are_told_at_once() -> None:
    found = problems(graph(entry="x", edges=[{"from": "y", "to": "z"}], state={"a b": {}}))
    assert [path for path, _ in found] == ["state.a b", "entry", "edges.0.from", "edges.0.to"]


def test_neither_a_name_nor_nodes_is_refused() -> None:
    assert problems({}) == [("", "name a registered `graph`, or declare one by `nodes` and `edges`")]


def test_the_example_of_the_language_is_a_valid_step() -> None:
    step = {"id": "research", "kind": "graph", "with": graph()}
    definition = WorkflowDefinition.model_validate({"name": "research", "steps": [step]})
    assert GraphWith.model_validate(definition.steps[0].with_).nodes.keys() == {"one", "two"}


# ------------------------------------------------------------------ building


def test_a_graph_is_built_once_for_one_declaration() -> None:
    builder = GraphBuilder(keep=2)
    first = builder.build(GraphWith.model_validate(graph()).declaration)
    same = builder.build(GraphWith.model_validate(graph(input={"seen": []})).declaration)
    other = builder.build(GraphWith.model_validate(graph(state={})).declaration)
    assert first is same
    assert other is not first
    builder.build(GraphWith.model_validate(graph(state={"a": {}})).declaration)
    assert builder.build(GraphWith.model_validate(graph()).declaration) is not first


# ------------------------------------------------------------------ registry


class State(TypedDict):
    n: int


def builder() -> StateGraph[State]:
    made = StateGraph(State)
    made.add_node("a", lambda _: {"n": 1})
    made.add_edge(START, "a")
    return made


def test_graphs_are_found_in_modules_and_by_their_place() -> None:
    module = ModuleType("offering_graphs")
    module.compiled = builder().compile()  # type: ignore[attr-defined]  # a module made here
    module.offered = offer("named", builder())  # type: ignore[attr-defined]
    module.plain = RunnableLambda(lambda given: given)  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    try:
        graphs = Graphs.collect([module], attributes=["offering_graphs:compiled", "offering_graphs:plain"])
    finally:
        del sys.modules[module.__name__]
    assert set(graphs) == {"named", "offering_graphs:compiled", "offering_graphs:plain"}
    assert isinstance(graphs["named"].runnable, Pregel)
    assert graphs["offering_graphs:compiled"].runnable is module.compiled


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "is no graph and no Runnable"),
        (StateGraph(State), "cannot be compiled"),
    ],
)
def test_what_is_no_graph_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(PartsRefused, match=f"(?s)'g'.*{message}|{message}.*'g'"):
        Graphs([Offered("g", value, "offering.py:3")])


def test_two_graphs_of_one_name_are_refused() -> None:
    with pytest.raises(PartsRefused, match="offered twice"):
        Graphs([Offered("g", builder(), "a.py:1"), Offered("g", builder(), "b.py:1")])


@pytest.mark.parametrize("name", ["sys", "sys:nothing", "no_such_module:x"])
def test_a_place_without_a_graph_is_refused(name: str) -> None:
    with pytest.raises(PartsRefused, match=name.partition(":")[0]):
        Graphs.collect([], attributes=[name])
