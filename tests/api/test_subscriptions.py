"""Subscriptions over real sockets, with the client that Python programs use."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.api.client import Api
from tests.api.definitions import asks, sums
from tests.api.serving import served

EVENTS = """subscription($id: ID!, $after: Int) { executionEvents(executionId: $id, after: $after) {
    __typename seq ... on StepSucceeded { stepId output }
} }"""


@pytest.fixture
async def address(api: Api) -> AsyncIterator[str]:
    async with served(api.app) as address:
        yield address


async def events(address: str, query: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
    transport = WebsocketsTransport(f"ws://{address}/graphql", subprotocols=["graphql-transport-ws"])
    async with Client(transport=transport) as session:
        request = gql(query)
        request.variable_values = variables
        async for result in session.subscribe(request):
            yield result


async def test_the_whole_log_comes_gap_free_and_ends_with_the_execution(api: Api, address: str) -> None:
    await api.create(sums())
    execution_id = await api.start("sums", input={"n": 1})
    seen = [result["executionEvents"] async for result in events(address, EVENTS, id=execution_id)]
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert {"__typename": "StepSucceeded", "seq": 4, "stepId": "add", "output": 2} in seen
    assert seen[-1]["__typename"] == "ExecutionSucceeded"


async def test_who_comes_back_with_the_last_seq_misses_nothing_and_sees_nothing_twice(api: Api, address: str) -> None:
    await api.create(asks())
    execution_id = await api.start("asks")
    first: list[int] = []
    async for result in events(address, EVENTS, id=execution_id):
        first.append(result["executionEvents"]["seq"])
        if result["executionEvents"]["__typename"] == "StepWaiting":
            break
    await api.mutate("completeStep", {"executionId": execution_id, "stepId": "approve", "output": {"ok": True}})
    rest = [
        result["executionEvents"]["seq"] async for result in events(address, EVENTS, id=execution_id, after=first[-1])
    ]
    assert first + rest == list(range(1, rest[-1] + 1))


async def test_an_ended_execution_that_was_seen_to_its_end_completes_at_once(api: Api, address: str) -> None:
    await api.create(sums())
    execution_id = await api.start("sums", input={"n": 1})
    last = (await api.ended(execution_id))["lastSeq"]
    assert [result async for result in events(address, EVENTS, id=execution_id, after=last)] == []


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"id": "ex_nothing"}, "NOT_FOUND"),
        ({"id": "a\0"}, "BAD_USER_INPUT"),
        ({"id": "ex_nothing", "after": -1}, "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_watched_is_an_error(address: str, variables: dict[str, Any], code: str) -> None:
    with pytest.raises(TransportQueryError) as refusal:
        [result async for result in events(address, EVENTS, **variables)]
    assert refusal.value.errors
    assert refusal.value.errors[0]["extensions"]["code"] == code


async def test_sse_gives_the_same_log_with_seqs_as_ids_and_resumes_by_them(api: Api, address: str) -> None:
    await api.create(sums())
    execution_id = await api.start("sums", input={"n": 1})
    await api.ended(execution_id)
    body = {"query": EVENTS, "variables": {"id": execution_id}}
    async with httpx.AsyncClient() as client:
        for last_event_id, first in (("", 1), ("3", 4)):
            headers = {"accept": "text/event-stream", "last-event-id": last_event_id}
            text = (await client.post(f"http://{address}/graphql", json=body, headers=headers)).text
            assert text.startswith(f"retry: 1000\n\nevent: next\nid: {first}\n")
            assert text.endswith("event: complete\ndata:\n\n")


async def test_executions_that_match_come_as_they_change_with_what_is_true_then(api: Api, address: str) -> None:
    await api.create(sums())
    await api.create(sums("others"))
    query = 'subscription { executionUpdated(filter: {workflow: "sums"}) { id status workflow { name } output } }'
    statuses: dict[str, list[str]] = {}

    async def watch() -> None:
        async for result in events(address, query):
            execution = result["executionUpdated"]
            statuses.setdefault(execution["id"], []).append(execution["status"])
            assert execution["workflow"] == {"name": "sums"}
            if execution["status"] == "SUCCEEDED":
                assert execution["output"] == 2
                return

    watching = asyncio.create_task(watch())
    while not watching.done():
        await api.start("others", input={"n": 1})
        last = await api.start("sums", input={"n": 1})
        await api.ended(last)
    await watching
    assert statuses


async def test_a_batch_is_shown_now_and_after_each_change_until_it_is_complete(api: Api, address: str) -> None:
    await api.create(asks())
    payload = await api.mutate("startExecutions", {"items": [{"workflow": "asks"}] * 2}, "batch { id }")
    batch_id = payload["batch"]["id"]
    query = "subscription($id: ID!) { batchProgress(id: $id) { status total finished failed } }"
    seen: list[dict[str, Any]] = []
    async for result in events(address, query, id=batch_id):
        if not seen:
            await api.mutate("cancelExecutions", {"filter": {"batchId": batch_id}}, "batch { id }")
        seen.append(result["batchProgress"])
    assert seen[-1] == {"status": "COMPLETED", "total": 2, "finished": 2, "failed": 2}
    assert [batch["finished"] for batch in seen] == sorted(batch["finished"] for batch in seen)


async def test_an_unknown_batch_cannot_be_watched(address: str) -> None:
    with pytest.raises(TransportQueryError, match="no batch"):
        [result async for result in events(address, 'subscription { batchProgress(id: "ba_nothing") { id } }')]
