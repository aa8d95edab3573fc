"""Input of excessive depth or size, ids of nothing, and a store that does not answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Api
from tests.api.conftest import Unchanged
from tests.api.definitions import asks, sums
from tests.api.world import World
from tests.full_disk import full_disk


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [201, 1000])
async def test_json_that_is_nested_too_deep_is_refused(api: Api, unchanged: Unchanged, depth: int) -> None:
    await api.create(sums())
    start = """mutation($v: JSON!) {
        startExecution(input: {workflow: "sums", input: $v}) { errors { code path message } }
    }"""
    step = {"id": "a", "kind": "transform", "with": {"value": "DEEP"}}
    create = "mutation($v: JSON!) { createWorkflow(input: {definition: $v}) { errors { code path message } } }"
    message = "the value is nested more than 200 levels deep"
    with unchanged():
        for query, value, root in (
            (start, {"n": 1, "deep": "DEEP"}, "input"),
            (create, {"name": "deep", "steps": [step]}, "definition"),
        ):
            body = json.dumps({"query": query, "variables": {"v": value}})
            answer = await api.send_text(body.replace('"DEEP"', "[" * depth + "]" * depth))
            (payload,) = answer["data"].values()
            assert payload["errors"] == [{"code": "VALIDATION_FAILED", "path": [root], "message": message}]


async def test_ten_megabytes_are_refused_before_anything_is_read(api: Api, unchanged: Unchanged) -> None:
    await api.create(sums())
    with unchanged():
        response = await api.post({"query": "{ __typename }", "variables": {"x": "x" * 10_000_000}})
    assert response.status_code == 413
    (error,) = response.json()["errors"]
    assert error == {
        "message": "The body is larger than 8,388,608 bytes",
        "extensions": {"code": "PAYLOAD_TOO_LARGE"},
    }


async def test_json_as_deep_as_allowed_comes_back(api: Api) -> None:
    await api.create(
        {"name": "echo", "output": "${ input }", "steps": [{"id": "a", "kind": "transform", "with": {"value": 1}}]}
    )
    execution_id = await api.start("echo", input={"deep": nested(150)})
    assert (await api.ended(execution_id))["output"] == {"deep": nested(150)}


@pytest.mark.parametrize(
    "query",
    [
        'query { execution(id: "ex_nothing") { id } }',
        '{ batch(id: "ba_nothing") { id } }',
        '{ workflow(name: "nothing") { id } }',
    ],
)
async def test_unknown_things_are_null(api: Api, query: str) -> None:
    (found,) = (await api.data(query)).values()
    assert found is None


async def test_nodes_are_found_by_any_id_and_null_where_there_is_none(api: Api) -> None:
    workflow = await api.create(asks())
    execution_id = await api.start("asks")
    ids = [
        workflow["id"],
        "ex_nothing",
        "nonsense",
        "",
        "wv_x_1",
        "wv_x_999999999999",
        "ba_x",
        "wk_x",
        "sr_x",
        execution_id,
    ]
    nodes = (await api.data("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids))["nodes"]
    assert nodes == [{"__typename": "Workflow", "id": workflow["id"]}] + [None] * 8 + [
        {"__typename": "Execution", "id": execution_id}
    ]
    error = await api.error("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 101)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_ids_are_all_checked_before_the_first_is_looked_for(api: Api) -> None:
    """Coroutines that were begun and never awaited are warnings, and these are errors here."""
    error = await api.error("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["ex_nothing", "\0"])
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_when_the_store_does_not_answer_the_code_says_so(api: Api) -> None:
    await api.create(sums())
    api.store.down = True
    query = await api.error("{ executions { totalCount } }")
    start = await api.error('mutation { startExecution(input: {workflow: "x"}) { execution { id } } }')
    for error in (query, start):
        assert error["extensions"]["code"] == "UNAVAILABLE"
        assert "disk" in error["message"]


async def test_a_full_disk_is_told_as_such_without_saying_where_it_is(
    api: Api, world: World, unchanged: Unchanged, tmp_path: Path
) -> None:
    large = "x" * 500_000
    given: list[tuple[str, dict[str, Any]]] = [
        ("createWorkflow", {"definition": sums("large") | {"output": large}}),
        ("updateWorkflow", {"name": "sums", "definition": sums() | {"output": large}}),
        ("startExecution", {"workflow": "sums", "input": {"n": 1, "large": large}}),
        ("signalExecution", {"id": world.waiting, "name": "go", "payload": large}),
        ("completeStep", {"executionId": world.waiting, "stepId": "approve", "output": {"ok": True, "more": large}}),
        ("startExecutions", {"items": [{"workflow": "sums", "input": {"n": 1, "large": large}}]}),
    ]
    with unchanged(), full_disk(api.store.within):
        for name, input_ in given:
            type_ = f"{name[0].upper()}{name[1:]}Input"
            query = f"mutation($input: {type_}!) {{ {name}(input: $input) {{ errors {{ code }} }} }}"
            error = await api.error(query, input=input_)
            assert error["extensions"] == {"code": "UNAVAILABLE"}
            assert error["message"] == "the store failed: database or disk is full"
            assert str(tmp_path) not in str(error)
        assert (await api.data("{ executions { totalCount } }"))["executions"]["totalCount"] == 6
    for name, input_ in given:
        assert (await api.mutate(name, input_))["errors"] == []
