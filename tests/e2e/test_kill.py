"""From startExecution to the last event over a real socket, with an independent client, across a `kill -9`."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from websockets.exceptions import WebSocketException

from tests.e2e.server import Server
from tests.patience import PATIENCE_SECONDS

STEPS = 30
DEFINITION: dict[str, Any] = {
    "name": "squares",
    "output": f"${{ steps.s{STEPS - 1}.output }}",
    "steps": [
        {"id": f"s{n}", "kind": "function", "with": {"call": "e2e.work", "args": {"n": n, "seconds": 0.02}}}
        for n in range(STEPS)
    ],
}
CREATE = """mutation ($definition: JSON!) {
        createWorkflow(input: {definition: $definition}) { workflow { name } errors { code message path } }
    }"""
START = """mutation ($workflow: String!, $key: String) {
        startExecution(input: {workflow: $workflow, idempotencyKey: $key}) {
            execution { id status lastSeq } errors { code message }
        }
    }"""
EVENTS = """subscription ($id: ID!, $after: Int!) {
        executionEvents(executionId: $id, after: $after, includeEphemeral: false) {
            __typename seq executionId at
            ... on StepSucceeded { stepId output }
            ... on ExecutionSucceeded { result: output }
        }
    }"""
LOG = """query ($id: ID!, $after: Int!) {
        execution(id: $id) { status output events(after: $after, first: 100) { nodes { __typename seq } } }
    }"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path) as started:
        yield started


async def ask(server: Server, document: str, **variables: Any) -> dict[str, Any]:
    transport = HTTPXAsyncTransport(url=f"{server.url}/graphql")
    async with Client(transport=transport) as session:
        result: dict[str, Any] = await session.execute(GraphQLRequest(document, variable_values=variables))
        return result


async def events(server: Server, execution_id: str, after: int, seen: list[dict[str, Any]]) -> None:
    """Appends what arrives to `seen` until the server says that it is complete."""
    url = server.url.replace("http", "ws", 1) + "/graphql"
    transport = WebsocketsTransport(url=url, subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL])
    async with Client(transport=transport) as session:
        request = GraphQLRequest(EVENTS, variable_values={"id": execution_id, "after": after})
        async for result in session.subscribe(request):
            seen.append(result["executionEvents"])  # noqa: PERF401  # what came before the connection broke must be kept


async def test_a_subscriber_that_comes_back_after_a_kill_has_a_gap_free_log(server: Server) -> None:
    created = await ask(server, CREATE, definition=DEFINITION)
    assert created["createWorkflow"]["errors"] == []
    started = (await ask(server, START, workflow="squares", key="once"))["startExecution"]
    assert started["errors"] == []
    execution_id = started["execution"]["id"]

    seen: list[dict[str, Any]] = []
    watching = asyncio.create_task(events(server, execution_id, 0, seen))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(seen) < STEPS // 2:
            await asyncio.sleep(0.005)
    server.kill()
    with pytest.raises((TransportError, WebSocketException, OSError)):
        await watching
    before = len(seen)

    server.start()
    again = (await ask(server, START, workflow="squares", key="once"))["startExecution"]
    assert again["execution"]["id"] == execution_id
    async with asyncio.timeout(PATIENCE_SECONDS):
        await events(server, execution_id, seen[-1]["seq"], seen)

    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert before < len(seen)
    assert seen[-1]["__typename"] == "ExecutionSucceeded"
    assert seen[-1]["result"] == (STEPS - 1) ** 2
    succeeded = [event["stepId"] for event in seen if event["__typename"] == "StepSucceeded"]
    assert succeeded == [f"s{n}" for n in range(STEPS)]
    calls = [int(line) for line in server.calls.read_text().split()]
    assert sorted(set(calls)) == list(range(STEPS))
    assert len(calls) <= STEPS + 1, "only the step that was under way may have run twice"

    stored = (await ask(server, LOG, id=execution_id, after=0))["execution"]
    names = [(event["seq"], event["__typename"]) for event in stored["events"]["nodes"]]
    assert names == [(event["seq"], event["__typename"]) for event in seen][:100]
    assert stored["status"] == "SUCCEEDED"


async def test_every_accepted_execution_ends_after_kills_at_any_moment(server: Server) -> None:
    short = {**DEFINITION, "name": "short", "steps": DEFINITION["steps"][:3], "output": "${ steps.s2.output }"}
    assert (await ask(server, CREATE, definition=short))["createWorkflow"]["errors"] == []
    accepted: list[str] = []
    for round_ in range(2):
        starting = [asyncio.create_task(ask(server, START, workflow="short", key=None)) for _ in range(8)]
        await asyncio.wait(starting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0.05 * round_)
        server.kill()
        answers = await asyncio.gather(*starting, return_exceptions=True)
        accepted.extend(each["startExecution"]["execution"]["id"] for each in answers if isinstance(each, dict))
        server.start()
    assert accepted
    logs: dict[str, list[dict[str, Any]]] = {execution_id: [] for execution_id in accepted}
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(events(server, execution_id, 0, seen) for execution_id, seen in logs.items()))
    for seen in logs.values():
        assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
        assert [event["__typename"] for event in seen].count("ExecutionSucceeded") == 1
        assert seen[-1]["__typename"] == "ExecutionSucceeded"


async def test_a_terminated_server_hands_back_what_it_drives(server: Server) -> None:
    assert (await ask(server, CREATE, definition=DEFINITION))["createWorkflow"]["errors"] == []
    execution_id = (await ask(server, START, workflow="squares", key=None))["startExecution"]["execution"]["id"]
    await asyncio.sleep(0.1)
    assert server.stop() == 0
    server.start()
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        await events(server, execution_id, 0, seen)
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["__typename"] == "ExecutionSucceeded"


CREATE_TRIGGER = """mutation ($input: CreateTriggerInput!) {
        createTrigger(input: $input) { trigger { webhookUrl } errors { code message path } }
    }"""
PUBLISH = """mutation ($id: String, $n: JSON) {
        publishEvent(input: {event: {id: $id, source: "/e2e", type: "e2e.happened", data: $n}}) { eventId errors { code } }
    }"""
DELIVERIES = """query ($name: String!) {
        trigger(name: $name) { deliveries(first: 100) { nodes { eventId outcome execution { id status } } } }
    }"""


async def test_what_was_taken_in_before_a_kill_starts_once_after_it(server: Server) -> None:
    short = {**DEFINITION, "name": "short", "steps": DEFINITION["steps"][:1], "output": "${ steps.s0.output }"}
    assert (await ask(server, CREATE, definition=short))["createWorkflow"]["errors"] == []
    sources = {"events": {"event": {"types": ["e2e.*"]}}, "hook": {"webhook": {"signature": "NONE"}}}
    urls = {}
    for name, source in sources.items():
        made = await ask(server, CREATE_TRIGGER, input={"name": name, "workflow": "short", "source": source})
        assert made["createTrigger"]["errors"] == []
        urls[name] = made["createTrigger"]["trigger"]["webhookUrl"]
    assert urls["hook"].startswith(server.url)

    accepted: dict[str, set[str]] = {"events": set(), "hook": set()}

    async def publish(number: int) -> None:
        answer = await ask(server, PUBLISH, id=f"event-{number}", n={"n": number})
        accepted["events"].add(answer["publishEvent"]["eventId"])

    async def call(number: int) -> None:
        async with httpx.AsyncClient() as http:
            answer = await http.post(urls["hook"], content=b"{}", headers={"idempotency-key": f"call-{number}"})
            assert answer.status_code == 202
            accepted["hook"].add(answer.json()["deliveryId"])

    sending = [asyncio.create_task(send(number)) for number in range(10) for send in (publish, call)]
    await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(0.02)
    server.kill()
    await asyncio.gather(*sending, return_exceptions=True)
    assert accepted["events"] or accepted["hook"]

    server.start()
    async with asyncio.timeout(60):
        for name, known in accepted.items():
            while True:
                found = (await ask(server, DELIVERIES, name=name))["trigger"]["deliveries"]["nodes"]
                done = [each for each in found if (each["execution"] or {}).get("status") == "SUCCEEDED"]
                if len(done) >= len(known) and len(done) == len(found):
                    break
                await asyncio.sleep(0.1)
            assert len({each["eventId"] for each in found}) == len(found)
            assert len({each["execution"]["id"] for each in found}) == len(found)
            if name == "events":
                assert known <= {each["eventId"] for each in found}
