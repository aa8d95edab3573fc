"""The graphql-transport-ws protocol, over real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from graphql_api.metrics import Metrics
from tests.api.probe import NO_SERVICES, STREAMS, ProbeRuntime, probe_app, stream_closed
from tests.api.serving import served
from tests.api.socket_client import PROTOCOL, SocketClient, connected


@pytest.fixture
async def runtime() -> ProbeRuntime:
    return ProbeRuntime()


@pytest.fixture
async def metrics() -> Metrics:
    return Metrics(NO_SERVICES)


@pytest.fixture
async def address(runtime: ProbeRuntime, metrics: Metrics) -> AsyncIterator[str]:
    async with served(probe_app(runtime, metrics)) as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncIterator[SocketClient]:
    async with connected(address) as client:
        yield client


async def test_a_subscription_gives_its_events_and_completes(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("subscription { count(to: 2) }")
    assert await client.receive() == {"type": "next", "id": "1", "payload": {"data": {"count": 1}}}
    assert await client.receive() == {"type": "next", "id": "1", "payload": {"data": {"count": 2}}}
    assert await client.receive() == {"type": "complete", "id": "1"}


async def test_queries_and_mutations_run_over_the_socket_too(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("mutation { bump(by: 2) }")
    assert await client.receive() == {"type": "next", "id": "1", "payload": {"data": {"bump": 3}}}
    assert await client.receive() == {"type": "complete", "id": "1"}


async def test_an_id_may_be_used_again_once_it_is_free(client: SocketClient) -> None:
    await client.begin()
    for _ in range(2):
        await client.subscribe("{ number }")
        assert (await client.receive())["type"] == "next"
        assert (await client.receive())["type"] == "complete"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { missing }", "NOT_FOUND"),
        ("subscription($v: Int!) { count(to: $v) }", "BAD_USER_INPUT"),
    ],
)
async def test_an_operation_that_cannot_begin_ends_with_an_error(client: SocketClient, query: str, code: str) -> None:
    await client.begin()
    await client.subscribe(query)
    message = await client.receive()
    assert (message["type"], message["id"]) == ("error", "1")
    assert message["payload"][0]["extensions"]["code"] == code
    await client.subscribe("{ number }")
    assert (await client.receive())["type"] == "next", "the socket goes on"


async def test_a_stream_that_breaks_ends_with_an_error_without_internals(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("subscription { breaks }")
    assert (await client.receive())["type"] == "next"
    message = await client.receive()
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "INTERNAL"
    assert "hunter2" not in str(message)


async def test_completing_a_subscription_closes_its_stream_and_nothing_else(
    client: SocketClient, metrics: Metrics
) -> None:
    await client.begin()
    await client.subscribe("subscription { silent }", "quiet")
    await client.send("ping")
    assert (await client.receive())["type"] == "pong"
    assert metrics._streams == 1
    await client.send("complete", id="quiet")
    await stream_closed()
    await client.subscribe("{ number }")
    assert (await client.receive())["type"] == "next"
    assert metrics._streams == 0


async def test_a_client_that_goes_closes_all_its_streams(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("subscription { silent }")
    await client.send("ping")
    await client.receive()
    await client.socket.close()
    await stream_closed()


async def test_a_reader_that_does_not_read_is_not_sent_more_than_its_socket_takes(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("subscription { endless(size: 100000) }")
    await client.receive()
    seen = -1
    while seen != len(STREAMS):
        seen = len(STREAMS)
        await asyncio.sleep(0.05)
    assert seen < 1000, "the stream is pulled no further"
    client.socket.transport.abort()
    await stream_closed()


async def test_nothing_is_executed_before_the_handshake(client: SocketClient) -> None:
    await client.subscribe("{ number }")
    assert await client.closed() == 4401


async def test_pings_are_answered_before_the_handshake(client: SocketClient) -> None:
    await client.send("ping", payload={"a": 1})
    assert await client.receive() == {"type": "pong", "payload": {"a": 1}}


async def test_a_client_that_never_begins_is_sent_away(client: SocketClient) -> None:
    assert await client.closed() == 4408


async def test_two_handshakes_are_one_too_many(client: SocketClient) -> None:
    await client.begin()
    await client.send("connection_init")
    assert await client.closed() == 4429


async def test_an_id_that_is_in_use_closes_the_socket(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("subscription { silent }")
    await client.subscribe("subscription { silent }")
    assert await client.closed() == 4409


async def test_the_handshake_may_have_a_null_payload_or_credentials(
    client: SocketClient, runtime: ProbeRuntime
) -> None:
    await client.send("connection_init", payload={"authorization": "Bearer t"})
    assert (await client.receive())["type"] == "connection_ack"
    assert runtime.seen == ["Bearer t"]


async def test_a_null_payload_is_no_payload(client: SocketClient) -> None:
    await client.send("connection_init", payload=None)
    assert (await client.receive())["type"] == "connection_ack"


async def test_the_legacy_protocol_is_not_spoken(address: str) -> None:
    async with connect(f"ws://{address}/graphql", subprotocols=[Subprotocol("graphql-ws")]) as socket:
        assert await SocketClient(socket).closed() == 4406


async def test_a_foreign_web_page_gets_no_socket(address: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL], origin="https://evil.example")  # type: ignore[arg-type] # a NewType of str
    assert refusal.value.response.status_code == 403
