"""Executions whose step runs say more than a document takes."""

from typing import Any

from engine.domain.events import StepFailed
from engine.domain.status import ExecutionStatus
from engine.storage.repositories.executions import HEAD_BYTES
from engine.storage.repositories.head import execution_path
from engine.storage.repositories.nested_runs import DOCUMENT_BYTES
from tests.runtime.client import Client

DETAILS = "x" * 12_000


def failing(step_id: str) -> dict[str, Any]:
    return {
        "id": step_id,
        "kind": "fail",
        "with": {"message": "no " * 100, "details": {"text": "${ input.text }"}},
    }


async def details_in_the_log(client: Client, execution_id: str) -> list[Any]:
    log = await client.log(execution_id)
    return [event.failure.details for event in log if isinstance(event, StepFailed)]


async def test_the_details_of_many_failed_steps_are_left_to_the_log(client: Client) -> None:
    steps = [{**failing(f"s{n}"), "on_error": "continue"} for n in range(100)]
    await client.define(*steps)
    ended = await client.run(input={"text": DETAILS})
    assert ended.state.status is ExecutionStatus.SUCCEEDED
    head = await client.services.store.get(execution_path("local", ended.state.id))
    assert head is not None
    assert len(head.body) <= HEAD_BYTES
    failure = (await client.steps(ended.state.id))["s99"].run.failure
    assert failure is not None
    assert (failure.message, failure.details) == ("no " * 100, {"omitted": "the log of the execution has the details"})
    assert await details_in_the_log(client, ended.state.id) == [{"text": DETAILS}] * 100


async def test_the_details_of_a_few_failed_steps_are_kept(client: Client) -> None:
    await client.define({**failing("a"), "on_error": "continue"}, {**failing("b"), "on_error": "continue"})
    ended = await client.run(input={"text": DETAILS})
    runs = await client.steps(ended.state.id)
    failures = [run.run.failure for run in runs.values()]
    assert [failure.details if failure else None for failure in failures] == [{"text": DETAILS}] * 2


async def test_the_details_of_many_failed_items_are_left_to_the_log(client: Client) -> None:
    each = {"items": list(range(120)), "steps": [failing("f")], "on_item_error": "continue", "concurrency": 50}
    await client.define({"id": "m", "kind": "map", "with": each})
    ended = await client.run(input={"text": DETAILS})
    assert ended.state.status is ExecutionStatus.SUCCEEDED
    root = execution_path("local", ended.state.id)
    (document,) = await client.services.store.query(f"{root}/runs", limit=10)
    assert len(document.body) <= DOCUMENT_BYTES
    nested = await client.services.executions.nested_runs("local", ended.state.id)
    assert len(nested) == 120
    assert all(run.failure is not None and run.failure.code for run in nested.values())
    assert await details_in_the_log(client, ended.state.id) == [{"text": DETAILS}] * 120
