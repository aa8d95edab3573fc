"""Subscriptions over multipart HTTP, as Apollo's clients and its router ask for them."""

import asyncio
import json
from email.message import Message
from typing import Any

import httpx
import pytest

from graphql_api.fanout.sink import Sink
from graphql_api.transports.event_format import MULTIPART_SUBSCRIPTIONS
from graphql_api.transports.sse import EventStream
from tests.api.probe import ProbeRuntime, probe_app, stream_closed
from tests.api.serving import served

ACCEPT = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"


async def answer(query: str, accept: str = ACCEPT) -> httpx.Response:
    transport = httpx.ASGITransport(probe_app(ProbeRuntime()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post("/graphql", json={"query": query}, headers={"accept": accept})


def parts(response: httpx.Response) -> list[dict[str, Any]]:
    """By the rules for multipart content: each part is JSON, and the last boundary ends it."""
    header = Message()
    header["content-type"] = response.headers["content-type"]
    assert header.get_content_type() == "multipart/mixed"
    assert header.get_param("subscriptionSpec") == "1.0"
    head, *found, tail = response.text.split(f"\r\n--{header.get_param('boundary')}")
    assert head == ""
    assert tail == "--\r\n"
    bodies = []
    for part in found:
        headers, _, body = part.partition("\r\n\r\n")
        assert headers == "\r\ncontent-type: application/json"
        bodies.append(json.loads(body))
    return bodies


@pytest.mark.parametrize(
    "accept",
    [
        ACCEPT,
        "multipart/mixed;subscriptionSpec=1.0, application/json",
        'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0", application/json',
    ],
)
async def test_each_event_is_a_part(accept: str) -> None:
    found = parts(await answer("subscription { count(to: 2) }", accept))
    assert found == [{"payload": {"data": {"count": 1}}}, {"payload": {"data": {"count": 2}}}]


async def test_a_stream_that_cannot_begin_or_breaks_ends_with_a_part_that_says_why() -> None:
    (missing,) = parts(await answer("subscription { missing }"))
    assert missing["payload"]["data"] is None
    assert missing["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    first, broken = parts(await answer("subscription { breaks }"))
    assert first == {"payload": {"data": {"breaks": 1}}}
    assert broken["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "hunter2" not in str(broken)


async def test_what_is_no_subscription_is_answered_as_ever() -> None:
    response = await answer("{ number }")
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["data"] == {"number": 1}


async def test_other_multipart_content_is_not_taken_for_it() -> None:
    assert (await answer("subscription { count(to: 1) }", "multipart/mixed;deferSpec=20220824")).status_code == 406


async def test_a_quiet_stream_is_kept_alive_by_empty_parts() -> None:
    sent: list[bytes] = []
    enough, gone = asyncio.Event(), asyncio.Event()

    async def send(message: dict[str, object]) -> None:
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        sent.append(body)
        if len(sent) > 3:
            enough.set()

    async def receive() -> dict[str, object]:
        await gone.wait()
        return {"type": "http.disconnect"}

    def silence(sink: Sink, tasks: asyncio.TaskGroup) -> None:
        del sink, tasks

    stream = EventStream(silence, written=MULTIPART_SUBSCRIPTIONS, keep_alive_seconds=0.001)
    running = asyncio.create_task(stream({}, receive, send))  # type: ignore[arg-type] # ASGI messages are loosely typed
    await asyncio.wait_for(enough.wait(), 5)
    gone.set()
    await asyncio.wait_for(running, 5)
    assert b"\r\ncontent-type: application/json\r\n\r\n{}\r\n--graphql" in sent


async def test_a_client_that_goes_closes_its_stream() -> None:
    async with served(probe_app(ProbeRuntime())) as address, httpx.AsyncClient() as client:
        body = {"query": "subscription { silent }"}
        async with client.stream(
            "POST", f"http://{address}/graphql", json=body, headers={"accept": ACCEPT}
        ) as response:
            assert response.status_code == 200
        await stream_closed()
