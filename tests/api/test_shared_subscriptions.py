"""Many who watch the same, over real sockets and a real engine."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import orjson
import pytest

from tests.api.client import Api
from tests.api.definitions import asks
from tests.api.raw_socket import TEXT, raw_socket
from tests.api.serving import served
from tests.api.socket_client import SocketClient, connected
from tests.patience import PATIENCE_SECONDS

EVENTS = """subscription($id: ID!, $after: Int) { executionEvents(executionId: $id, after: $after) {
    __typename seq ... on StepSucceeded { stepId output }
} }"""


@pytest.fixture
async def address(api: Api) -> AsyncIterator[str]:
    async with served(api.app) as address:
        yield address


async def metric(api: Api, name: str) -> int:
    found = re.search(rf"^{name} (\d+)$", (await api.get("/metrics")).text, re.MULTILINE)
    assert found
    return int(found[1])


async def watching(api: Api, wanted: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await metric(api, "weft_graphql_subscriptions") != wanted:
            await asyncio.sleep(0.002)


async def to_the_end(client: SocketClient) -> list[Any]:
    seen = []
    while (message := await client.receive())["type"] == "next":
        seen.append(message["payload"]["data"]["executionEvents"])
    assert message["type"] == "complete"
    return seen


async def sse_events(address: str, execution_id: str) -> list[Any]:
    body = {"query": EVENTS, "variables": {"id": execution_id}}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"http://{address}/graphql", json=body, headers={"accept": "text/event-stream"})
    data = re.findall(r"^data: (.+)$", answer.text, re.MULTILINE)
    return [orjson.loads(each)["data"]["executionEvents"] for each in data]


async def test_each_event_is_executed_once_for_all_who_watch_by_whatever_way(api: Api, address: str) -> None:
    await api.create(asks())
    execution_id = await api.start("asks")
    await api.until(execution_id, "StepWaiting")
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        clients = [await stack.enter_async_context(connected(address)) for _ in range(30)]
        for client in clients:
            await client.begin()
            await client.subscribe(EVENTS, variables={"id": execution_id})
        streams = [tasks.create_task(sse_events(address, execution_id)) for _ in range(5)]
        await watching(api, 35)
        await api.mutate("completeStep", {"executionId": execution_id, "stepId": "approve", "output": {"ok": True}})
        seen = await asyncio.gather(*(to_the_end(client) for client in clients))
    last = (await api.ended(execution_id))["lastSeq"]
    assert [event["seq"] for event in seen[0]] == list(range(1, last + 1))
    assert all(each == seen[0] for each in seen)
    assert all(stream.result() == seen[0] for stream in streams)
    assert await metric(api, "weft_graphql_subscription_events_total") == last
    assert await metric(api, "weft_graphql_subscriptions") == 0


async def test_lists_of_executions_and_batches_are_shared_too(api: Api, address: str) -> None:
    await api.create(asks())
    items = [{"workflow": "asks"}] * 3
    batch_id = (await api.mutate("startExecutions", {"items": items}, "batch { id }"))["batch"]["id"]
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(address)) for _ in range(10)]
        for client in clients:
            await client.begin()
            await client.subscribe(
                "subscription($id: ID!) { batchProgress(id: $id) { status finished } }",
                id_="batch",
                variables={"id": batch_id},
            )
            await client.subscribe("subscription { executionUpdated { id status } }", id_="list")
        await watching(api, 20)
        await api.mutate("cancelExecutions", {"filter": {"batchId": batch_id}}, "batch { id }")
        for client in clients:
            cancelled: set[str] = set()
            while len(cancelled) < 3:
                message = await client.receive()
                updated = message.get("payload", {}).get("data", {}).get("executionUpdated")
                if updated and updated["status"] == "CANCELLED":
                    cancelled.add(updated["id"])
        assert await metric(api, "weft_graphql_subscription_events_total") < 60, "and not ten times as many"


async def test_a_socket_that_is_not_read_for_a_while_gets_every_event_from_the_log(api: Api, address: str) -> None:
    waits = {"id": "s", "kind": "signal", "with": {"name": "go"}}
    steps = [{"id": f"s{n}", "kind": "transform", "with": {"value": "${ input.text }"}} for n in range(200)]
    await api.create({"name": "large", "steps": [waits, *steps]})
    execution_id = await api.start("large", input={"text": "x" * 15_000})
    await api.until(execution_id, "StepWaiting")
    payload = orjson.dumps({"query": EVENTS, "variables": {"id": execution_id}}).decode()
    async with raw_socket(address, receive_buffer=1024) as slow, connected(address, max_size=None) as quick:
        await slow.send(f'{{"type":"subscribe","id":"1","payload":{payload}}}')
        await quick.begin()
        await quick.subscribe(EVENTS, variables={"id": execution_id})
        await watching(api, 2)
        await api.mutate("signalExecution", {"id": execution_id, "name": "go"})
        seen = await to_the_end(quick)
        assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
        read = []
        while True:
            opcode, body = await slow.receive()
            assert opcode == TEXT
            message = orjson.loads(body)
            if message["type"] == "complete":
                break
            read.append(message["payload"]["data"]["executionEvents"])
        assert read == seen
    executed = await metric(api, "weft_graphql_subscription_events_total")
    assert len(seen) < executed < 2 * len(seen), "the slow one read for itself what the window did not hold any more"
