"""Many executions with one request."""

from typing import Any

import pytest

from engine.usecases.watch_batch import watch_batch
from tests.api.client import Api
from tests.api.definitions import asks, sums

BATCH = """batch { id action mode status total accepted rejected
    items { totalCount nodes { index execution { id } error { __typename code path } } }
}"""


async def completed(api: Api, batch_id: str) -> dict[str, Any]:
    async for _ in watch_batch(api.runtime.services, api.runtime.caller, batch_id):
        pass
    query = "query($id: ID!) { batch(id: $id) { status finished succeeded failed total } }"
    batch = (await api.data(query, id=batch_id))["batch"]
    assert isinstance(batch, dict)
    return batch


async def test_a_batch_starts_all_its_items_and_tells_how_they_ended(api: Api) -> None:
    await api.create(sums())
    items = [{"workflow": "sums", "input": {"n": n}} for n in range(3)]
    payload = await api.mutate("startExecutions", {"items": items}, BATCH)
    assert payload["errors"] == []
    batch = payload["batch"]
    assert (batch["action"], batch["mode"], batch["total"], batch["rejected"]) == ("START", "BEST_EFFORT", 3, 0)
    assert await completed(api, batch["id"]) == {
        "status": "COMPLETED", "finished": 3, "succeeded": 3, "failed": 0, "total": 3,
    }  # fmt: skip
    query = """query($id: ID!) { node(id: $id) { ... on Batch { items(first: 2) {
        nodes { index execution { output } } pageInfo { hasNextPage }
    } } } }"""
    page = (await api.data(query, id=batch["id"]))["node"]["items"]
    assert page["nodes"] == [{"index": 0, "execution": {"output": 1}}, {"index": 1, "execution": {"output": 2}}]
    assert page["pageInfo"] == {"hasNextPage": True}
    listed = await api.data("query($id: ID!) { executions(filter: {batchId: $id}) { totalCount } }", id=batch["id"])
    assert listed["executions"]["totalCount"] == 3


async def test_refused_items_stand_in_the_batch_with_their_errors(api: Api) -> None:
    await api.create(sums())
    items = [{"workflow": "sums", "input": {"n": 1}}, {"workflow": "sums"}, {"workflow": "nothing"}]
    payload = await api.mutate("startExecutions", {"items": items, "mode": "REJECT_FAILED_ITEMS"}, BATCH)
    batch = payload["batch"]
    assert (batch["total"], batch["accepted"], batch["rejected"]) == (3, 1, 2)
    query = "query($id: ID!) { batch(id: $id) { items(onlyErrors: true) { totalCount nodes { index error { __typename code path } } } } }"
    assert (await api.data(query, id=batch["id"]))["batch"]["items"] == {
        "totalCount": 2,
        "nodes": [
            {
                "index": 1,
                "error": {"__typename": "ValidationError", "code": "VALIDATION_FAILED", "path": ["input", "n"]},
            },
            {"index": 2, "error": {"__typename": "GenericError", "code": "NOT_FOUND", "path": ["workflow"]}},
        ],
    }


async def test_an_atomic_batch_with_a_bad_item_starts_nothing(api: Api) -> None:
    await api.create(sums())
    items = [{"workflow": "sums", "input": {"n": 1}}, {"workflow": "sums"}]
    payload = await api.mutate("startExecutions", {"items": items, "mode": "ATOMIC"}, BATCH)
    batch = payload["batch"]
    assert (batch["accepted"], batch["rejected"]) == (0, 2)
    assert [item["error"]["code"] for item in batch["items"]["nodes"]] == ["INVALID_STATE", "VALIDATION_FAILED"]
    assert (await api.data("{ executions { totalCount } }"))["executions"]["totalCount"] == 0


async def test_the_same_key_makes_one_batch(api: Api) -> None:
    await api.create(sums())
    given = {"items": [{"workflow": "sums", "input": {"n": 1}}], "idempotencyKey": "k"}
    first = await api.mutate("startExecutions", given, "batch { id }")
    assert await api.mutate("startExecutions", given, "batch { id }") == first
    other = await api.mutate("startExecutions", given | {"mode": "ATOMIC"}, "batch { id }")
    assert other["errors"][0]["code"] == "IDEMPOTENCY_MISMATCH"


async def test_many_executions_are_cancelled_by_id_or_by_filter(api: Api) -> None:
    await api.create(asks())
    ids = [await api.start("asks") for _ in range(3)]
    for execution_id in ids:
        await api.until(execution_id, "StepWaiting")
    by_id = await api.mutate("cancelExecutions", {"ids": [ids[0], "ex_nothing"]}, BATCH)
    assert (by_id["batch"]["accepted"], by_id["batch"]["rejected"]) == (1, 1)
    by_filter = await api.mutate("cancelExecutions", {"filter": {"workflow": "asks", "status": ["WAITING"]}}, BATCH)
    assert by_filter["errors"] == []
    assert (await completed(api, by_filter["batch"]["id"]))["status"] == "COMPLETED"
    for execution_id in ids:
        assert (await api.ended(execution_id))["status"] == "CANCELLED"


async def test_executions_are_paused_and_resumed_together(api: Api) -> None:
    await api.create(asks())
    execution_id = await api.start("asks")
    await api.until(execution_id, "StepWaiting")
    for name, status in (("pauseExecutions", {"PAUSED"}), ("resumeExecutions", {"WAITING", "RUNNING"})):
        payload = await api.mutate(name, {"ids": [execution_id]}, BATCH)
        await completed(api, payload["batch"]["id"])
        found = await api.data("query($id: ID!) { execution(id: $id) { status } }", id=execution_id)
        assert found["execution"]["status"] in status


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "VALIDATION_FAILED"),
        ({"ids": ["ex_1"], "filter": {"workflow": "x"}}, "VALIDATION_FAILED"),
        ({"filter": {}}, "CONFIRMATION_REQUIRED"),
        ({"ids": []}, "VALIDATION_FAILED"),
    ],
)
async def test_what_is_meant_must_be_said(api: Api, given: dict[str, Any], code: str) -> None:
    payload = await api.mutate("cancelExecutions", given, "batch { id }")
    assert (payload["batch"], payload["errors"][0]["code"]) == (None, code)
