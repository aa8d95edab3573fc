"""Where branches of a declared graph meet."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from engine.executors.graphs.declaration import EdgeDefinition
from engine.executors.graphs.joins import Joins
from engine.storage.sqlite.store import SqliteStore
from tests.executors.graph_steps import Workers, chain, failure, value


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(None)
    yield store
    await store.close()


def joins(*edges: str) -> Joins:
    return Joins(EdgeDefinition(**dict(zip(("from", "to"), edge.split(">"), strict=True))) for edge in edges)


@pytest.mark.parametrize(
    ("edges", "node", "pending", "waits"),
    [
        (["START>a", "a>b", "a>c", "c>d", "b>j", "d>j"], "j", {"j", "d"}, True),
        (["START>a", "a>b", "a>c", "c>d", "b>j", "d>j"], "j", {"j"}, False),
        (["START>a", "a>b", "a>c", "c>d", "b>j", "d>j"], "d", {"j", "d"}, False),
        (["START>a", "a>j", "a>b", "b>j", "j>a"], "j", {"j", "b"}, True),
        (["START>a", "a>j", "a>b", "b>j", "j>a"], "a", {"j", "a"}, False),
        (["START>a", "a>a", "a>END"], "a", {"a"}, False),
        (["START>a", "START>b", "a>b", "b>a"], "b", {"a", "b"}, True),
        (["START>a", "START>b", "a>b", "b>a"], "a", {"a", "b"}, False),
    ],
)
def test_a_node_waits_for_branches_that_can_still_reach_it(
    edges: list[str],
    node: str,
    pending: set[str],
    waits: bool,  # noqa: FBT001 - a parameter
) -> None:
    assert joins(*edges).must_wait(node, pending) is waits


def test_a_long_chain_is_no_problem_for_the_stack() -> None:
    names = ["START", *(f"n{n}" for n in range(1200))]
    long = joins(*(f"{one}>{other}" for one, other in pairwise(names)))
    assert long.must_wait("n1199", {"n0", "n1199"})


def parallel() -> dict[str, Any]:
    """From `a` to `b` and `join`, and to `c`, `d` and `join`; from there back to `a` while `round` is under 2."""
    node = {name: {**value(), "update": {"seen": name}} for name in ("a", "b", "c", "d")}
    join = {**value(), "update": {"seen": "join", "round": 1}}
    return {
        "state": {
            "seen": {"type": "array", "reduce": "append"},
            "round": {"type": "integer", "reduce": "add", "default": 0},
        },
        "entry": "a",
        "nodes": {**node, "join": join},
        "edges": [
            {"from": "a", "to": "b"},
            {"from": "a", "to": "c"},
            {"from": "b", "to": "join"},
            {"from": "c", "to": "d"},
            {"from": "d", "to": "join"},
            {"from": "join", "to": "END", "when": "state.round >= 2"},
            {"from": "join", "to": "a"},
        ],
        "output": "${ state.seen }",
    }


async def test_branches_of_different_length_meet_once_in_every_round(store: SqliteStore) -> None:
    assert await Workers(store).output(parallel()) == ["a", "b", "c", "d", "join"] * 2


async def test_a_join_does_not_wait_for_a_branch_that_took_another_way(store: SqliteStore) -> None:
    with_ = parallel()
    with_["edges"] = [
        {"from": "a", "to": "b"},
        {"from": "a", "to": "c"},
        {"from": "b", "to": "join"},
        {"from": "c", "to": "END", "when": "true"},
        {"from": "c", "to": "d"},
        {"from": "d", "to": "join"},
        {"from": "join", "to": "END"},
    ]
    assert await Workers(store).output(with_) == ["a", "b", "c", "join"]


async def test_a_join_behind_a_join_runs_once(store: SqliteStore) -> None:
    names = ("a", "b", "c", "d", "inner", "e", "outer")
    with_ = chain(**{name: value() for name in names})
    with_["edges"] = [
        *({"from": "a", "to": name} for name in ("b", "c", "e")),
        {"from": "c", "to": "d"},
        {"from": "d", "to": "inner"},
        {"from": "b", "to": "inner"},
        {"from": "inner", "to": "outer"},
        {"from": "e", "to": "outer"},
        {"from": "outer", "to": "END"},
    ]
    assert (await Workers(store).output(with_))["seen"] == ["a", "b", "c", "e", "d", "inner", "outer"]


async def test_two_nodes_that_write_one_channel_at_once_need_a_reducer(store: SqliteStore) -> None:
    with_ = chain(a=value(), b=value(), c=value())
    with_["state"] = {"seen": {"type": "string"}}
    with_["edges"] = [
        {"from": "a", "to": "b"},
        {"from": "a", "to": "c"},
        {"from": "b", "to": "END"},
        {"from": "c", "to": "END"},
    ]
    failed = await failure(Workers(store), with_)
    assert (failed.code, failed.retryable) == ("concurrent_update", False)
    assert "'seen'" in failed.message
