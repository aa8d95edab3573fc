"""Input that no store can keep, or that is far from what was meant, gets a precise error and changes nothing."""

import json
from typing import Any

import pytest

from tests.api.client import Api
from tests.api.definitions import asks, sums

UNKEEPABLE = ["a\0b", "a\ud800b"]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("text", UNKEEPABLE, ids=["nul", "surrogate"])
@pytest.mark.parametrize(
    ("name", "given", "path"),
    [
        ("startExecution", {"workflow": "?"}, ["workflow"]),
        ("startExecution", {"workflow": "sums", "input": {"n": 1}, "idempotencyKey": "?"}, ["idempotencyKey"]),
        ("startExecution", {"workflow": "sums", "input": {"n": 1}, "lane": "?"}, ["lane"]),
        ("startExecution", {"workflow": "sums", "input": {"n": 1, "x": {"y": ["?"]}}}, ["input", "x", "y", "0"]),
        ("startExecution", {"workflow": "sums", "input": {"n": 1}, "labels": {"a": "?"}}, ["labels", "a"]),
        ("cancelExecution", {"id": "?"}, ["id"]),
        ("cancelExecution", {"id": "ex_1", "reason": "?"}, ["reason"]),
        ("signalExecution", {"id": "ex_1", "name": "?"}, ["name"]),
        ("completeStep", {"executionId": "ex_1", "stepId": "?"}, ["stepId"]),
        ("forkExecution", {"id": "ex_1", "fromStep": "?"}, ["fromStep"]),
    ],
)
async def test_texts_that_cannot_be_kept_are_refused_with_their_path(
    api: Api, name: str, given: dict[str, Any], path: list[str], text: str
) -> None:
    await api.create(sums())
    payload = await api.mutate(name, json.loads(json.dumps(given).replace('"?"', json.dumps(text))), "execution { id }")
    assert payload["execution"] is None
    assert (payload["errors"][0]["code"], payload["errors"][0]["path"]) == ("VALIDATION_FAILED", path)
    assert (await api.data("{ executions { totalCount } }"))["executions"]["totalCount"] == 0


@pytest.mark.parametrize("text", UNKEEPABLE, ids=["nul", "surrogate"])
@pytest.mark.parametrize(
    "query",
    [
        "query($t: String!) { workflow(name: $t) { id } }",
        "query($t: ID!) { execution(id: $t) { id } }",
        "query($t: ID!) { node(id: $t) { id } }",
        "query($t: ID!) { nodes(ids: [$t]) { id } }",
        "query($t: ID!) { batch(id: $t) { id } }",
        "query($t: String!) { waitingSteps(assignee: $t) { totalCount } }",
        "query($t: String!) { executions(filter: {workflow: $t}) { totalCount } }",
        'query($t: String!) { executions(filter: {label: {key: $t, value: "x"}}) { totalCount } }',
        "query($t: ID!) { executions(filter: {batchId: $t}) { totalCount } }",
        "query($t: String!) { workflows(filter: {nameContains: $t}) { totalCount } }",
    ],
)
async def test_queries_for_such_texts_are_refused(api: Api, query: str, text: str) -> None:
    assert (await api.error(query, t=text))["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("depth", [201, 1000])
async def test_json_that_is_nested_too_deep_is_refused(api: Api, depth: int) -> None:
    await api.create(sums())
    start = 'mutation($v: JSON!) { startExecution(input: {workflow: "sums", input: $v}) { errors { code path } } }'
    step = {"id": "a", "kind": "transform", "with": {"value": "DEEP"}}
    create = "mutation($v: JSON!) { createWorkflow(input: {definition: $v}) { errors { code path } } }"
    for query, value, root in (
        (start, {"n": 1, "deep": "DEEP"}, "input"),
        (create, {"name": "deep", "steps": [step]}, "definition"),
    ):
        body = json.dumps({"query": query, "variables": {"v": value}})
        answer = await api.send_text(body.replace('"DEEP"', "[" * depth + "]" * depth))
        ((payload,),) = (answer["data"].values(),)
        assert payload["errors"][0]["code"] == "VALIDATION_FAILED"
        assert payload["errors"][0]["path"][0] == root


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


async def test_when_the_store_does_not_answer_the_code_says_so(api: Api) -> None:
    await api.create(sums())
    api.store.down = True
    query = await api.error("{ executions { totalCount } }")
    start = await api.error('mutation { startExecution(input: {workflow: "x"}) { execution { id } } }')
    for error in (query, start):
        assert error["extensions"]["code"] == "UNAVAILABLE"
        assert "disk" in error["message"]
