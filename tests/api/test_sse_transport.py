"""Server-sent events: one stream for one operation, resumed by the id of the last event."""

import asyncio

import httpx
import pytest

from graphql_api.fanout.sink import Sink
from graphql_api.transports.sse import EventStream
from tests.api.probe import ProbeRuntime, probe_app, stream_closed
from tests.api.serving import served

SSE = {"accept": "text/event-stream"}
RETRY = "retry: 1000\n\n"
"""Browsers come back after a second when they lose the connection."""


async def stream(query: str, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(probe_app(ProbeRuntime()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post("/graphql", json={"query": query}, headers=SSE | (headers or {}))


async def test_each_event_comes_with_its_seq_and_the_end_is_told() -> None:
    response = await stream("subscription { count(to: 2) }")
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.text == (
        f"{RETRY}"
        'event: next\nid: 1\ndata: {"data":{"count":1}}\n\n'
        'event: next\nid: 2\ndata: {"data":{"count":2}}\n\n'
        "event: complete\ndata:\n\n"
    )


async def test_last_event_id_resumes_behind_it() -> None:
    response = await stream("subscription { count(to: 3) }", {"last-event-id": "2"})
    assert response.text.startswith(RETRY + 'event: next\nid: 3\ndata: {"data":{"count":3}}\n\n')


@pytest.mark.parametrize("event_id", ["x", "-1", "1.0", "9" * 5000])
async def test_an_event_id_that_never_was_ours_is_refused(event_id: str) -> None:
    assert (await stream("subscription { count(to: 3) }", {"last-event-id": event_id})).status_code == 400


async def test_queries_may_be_streamed_too() -> None:
    text = (await stream("{ number }")).text
    assert text == RETRY + 'event: next\ndata: {"data":{"number":1}}\n\nevent: complete\ndata:\n\n'


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { missing }", "NOT_FOUND"),
        ('subscription { count(to: "x") }', "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_errors_come_as_an_event_since_browsers_can_read_nothing_else(query: str, code: str) -> None:
    text = (await stream(query)).text
    assert text.startswith(RETRY + "event: next\ndata: ")
    assert f'"code":"{code}"' in text
    assert text.endswith("event: complete\ndata:\n\n")


async def test_a_stream_that_breaks_says_so_without_internals() -> None:
    text = (await stream("subscription { breaks }")).text
    assert '{"data":{"breaks":1}}' in text
    assert "Internal error, id" in text
    assert "hunter2" not in text


async def test_a_get_opens_a_stream_as_event_sources_do() -> None:
    transport = httpx.ASGITransport(probe_app(ProbeRuntime()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        response = await client.get("/graphql", params={"query": "subscription { count(to: 1) }"}, headers=SSE)
    assert "event: next\nid: 1\n" in response.text


async def test_a_quiet_stream_is_kept_alive_by_comments() -> None:
    sent: list[bytes] = []
    enough, gone = asyncio.Event(), asyncio.Event()

    async def send(message: dict[str, object]) -> None:
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        sent.append(body)
        if sent.count(b":\n\n") == 2:
            enough.set()

    async def receive() -> dict[str, object]:
        await gone.wait()
        return {"type": "http.disconnect"}

    def silence(sink: Sink, tasks: asyncio.TaskGroup) -> None:
        del sink, tasks

    answer = EventStream(silence, keep_alive_seconds=0.001)
    running = asyncio.create_task(answer({}, receive, send))  # type: ignore[arg-type] # ASGI messages are loosely typed
    await asyncio.wait_for(enough.wait(), 5)
    gone.set()
    await asyncio.wait_for(running, 5)


async def test_a_client_that_goes_closes_its_stream() -> None:
    async with served(probe_app(ProbeRuntime())) as address, httpx.AsyncClient() as client:
        asked = client.stream(
            "POST", f"http://{address}/graphql", json={"query": "subscription { silent }"}, headers=SSE
        )
        async with asked as response:
            assert response.status_code == 200
        await stream_closed()
