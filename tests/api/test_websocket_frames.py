"""Frames of graphql-transport-ws, one at a time: what each is answered with, before and after the handshake."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from graphql_api.transports.heartbeat import Patience
from graphql_api.transports.socket_messages import MAX_BEFORE_ACK
from tests.api.probe import ProbeRuntime, probe_app
from tests.api.serving import served
from tests.api.socket_client import SocketClient, connected

INIT = '{"type":"connection_init"}'
SUBSCRIBE = '{"type":"subscribe","id":"1","payload":{"query":"{ number }"}}'


@pytest.fixture
async def client() -> AsyncIterator[SocketClient]:
    async with served(probe_app(ProbeRuntime(), patience=Patience())) as address, connected(address) as client:
        yield client


NO_MESSAGES = [
    "",
    " ",
    "{",
    "nonsense",
    "[]",
    "1",
    "null",
    "true",
    '"x"',
    "[" * 100_000,
    "{}",
    '{"id":"1"}',
    '{"type":null}',
    '{"type":5}',
    '{"type":""}',
    '{"type":"connect"}',
    '{"type":"start","id":"1","payload":{"query":"{ number }"}}',
    '{"type":"Ping"}',
    '{"type":"connection_ack"}',
    '{"type":"next","id":"1","payload":{}}',
    '{"type":"error","id":"1","payload":[]}',
    '{"type":"connection_init","payload":[]}',
    '{"type":"connection_init","payload":"token"}',
    '{"type":"ping","payload":1}',
    '{"type":"ping","payload":[]}',
    '{"type":"pong","payload":""}',
    '{"type":"complete"}',
    '{"type":"complete","id":1}',
    '{"type":"complete","id":null}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","id":"1"}',
    '{"type":"subscribe","payload":{"query":"{ number }"}}',
    '{"type":"subscribe","id":1,"payload":{"query":"{ number }"}}',
    '{"type":"subscribe","id":"","payload":{"query":"{ number }"}}',
    '{"type":"subscribe","id":"1","payload":null}',
    '{"type":"subscribe","id":"1","payload":"{ number }"}',
    '{"type":"subscribe","id":"1","payload":[]}',
    '{"type":"subscribe","id":"1","payload":{}}',
    '{"type":"subscribe","id":"1","payload":{"query":null}}',
    '{"type":"subscribe","id":"1","payload":{"query":5}}',
    '{"type":"subscribe","id":"1","payload":{"query":{}}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{ number }","variables":[]}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{ number }","variables":"{}"}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{ number }","operationName":1}}',
    '{"type":"subscribe","id":"1","payload":{"query":"{ number }","extensions":"x"}}',
    '{"type":"ping"} {"type":"ping"}',
    "\ufeff" + INIT,
]


@pytest.mark.parametrize("text", NO_MESSAGES, ids=lambda text: text[:60])
@pytest.mark.parametrize("begun", [True, False], ids=["begun", "before"])
async def test_what_is_no_message_of_the_protocol_closes_the_socket(
    client: SocketClient, text: str, *, begun: bool
) -> None:
    if begun:
        await client.begin()
    await client.socket.send(text)
    code, reason = await client.closed_because()
    assert code == (4400 if begun or len(text) <= MAX_BEFORE_ACK else 1009)
    assert reason, "it says why"


@pytest.mark.parametrize("frame", [b"", b"{}", INIT.encode(), b"\xff\xfe"])
@pytest.mark.parametrize("begun", [True, False], ids=["begun", "before"])
async def test_binary_frames_close_the_socket(client: SocketClient, frame: bytes, *, begun: bool) -> None:
    if begun:
        await client.begin()
    await client.socket.send(frame)
    assert await client.closed() == 4400


IGNORED = [
    '{"type":"pong"}',
    '{"type":"pong","payload":{"at":1}}',
    '{"type":"pong","payload":null}',
    '{"type":"complete","id":"unknown"}',
]


@pytest.mark.parametrize("text", IGNORED)
@pytest.mark.parametrize("begun", [True, False], ids=["begun", "before"])
async def test_what_needs_no_answer_gets_none(client: SocketClient, text: str, *, begun: bool) -> None:
    if begun:
        await client.begin()
    await client.socket.send(text)
    assert await client.answers()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"type":"ping"}', {"type": "pong"}),
        ('{"type":"ping","payload":null}', {"type": "pong"}),
        ('{"type":"ping","payload":{}}', {"type": "pong", "payload": {}}),
        ('{"type":"ping","payload":{"a":[1,null,"ü"]}}', {"type": "pong", "payload": {"a": [1, None, "ü"]}}),
        (
            '{"payload":{"n":12345678901234567890123},"type":"ping"}',
            {"type": "pong", "payload": {"n": 12345678901234567890123}},
        ),
    ],
)
@pytest.mark.parametrize("begun", [True, False], ids=["begun", "before"])
async def test_a_ping_gets_its_payload_back(
    client: SocketClient, text: str, answer: dict[str, Any], *, begun: bool
) -> None:
    if begun:
        await client.begin()
    await client.socket.send(text)
    assert json.loads(await client.socket.recv()) == answer


@pytest.mark.parametrize(
    "text",
    [
        INIT,
        '{"type":"connection_init","payload":null}',
        '{"type":"connection_init","payload":{}}',
        '{"type":"connection_init","payload":{"anything":[1]}}',
        '{"payload":{},"type":"connection_init"}',
        '{"type":"connection_init","id":"1","unknown":true}',
    ],
)
async def test_a_handshake_is_acknowledged(client: SocketClient, text: str) -> None:
    await client.socket.send(text)
    assert await client.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"operationName": None, "variables": None, "extensions": None},
        {"variables": {}, "extensions": {}},
        {"operationName": "Q", "variables": {"unused": 1}, "extensions": {"a": {"b": 1}}},
        {"unknown": 1},
    ],
)
async def test_a_subscribe_is_carried_out(client: SocketClient, more: dict[str, Any]) -> None:
    await client.begin()
    await client.subscribe("query Q { number }", **more)
    assert await client.receive() == {"type": "next", "id": "1", "payload": {"data": {"number": 1}}}
    assert await client.receive() == {"type": "complete", "id": "1"}


@pytest.mark.parametrize("id_", ["1", " ", "ä", "\U0001f600", "\x00", '"', "\\", "a" * 10_000, "\u2028"])
async def test_any_text_is_an_id_and_comes_back_as_it_is(client: SocketClient, id_: str) -> None:
    await client.begin()
    await client.subscribe("subscription { count(to: 1) }", id_)
    assert (await client.receive())["id"] == id_
    assert await client.receive() == {"type": "complete", "id": id_}


async def test_nothing_is_executed_before_the_handshake(client: SocketClient) -> None:
    await client.socket.send(SUBSCRIBE)
    assert await client.closed_because() == (4401, "Unauthorized")


async def test_two_handshakes_are_one_too_many(client: SocketClient) -> None:
    await client.socket.send(INIT)
    await client.socket.send(INIT)
    assert await client.closed_because() == (4429, "Too many initialisation requests")


async def test_an_id_that_is_in_use_closes_the_socket(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("subscription { silent }", "same")
    await client.subscribe("{ number }", "same")
    assert await client.closed_because() == (4409, "Subscriber for same already exists")


async def test_the_reason_of_a_close_is_cut_to_what_fits(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("subscription { silent }", "ü" * 500)
    await client.subscribe("subscription { silent }", "ü" * 500)
    code, reason = await client.closed_because()
    assert code == 4409
    assert len(reason.encode()) <= 123
    assert "ü" in reason


async def test_the_extensions_of_a_request_are_seen_by_the_operation(client: SocketClient) -> None:
    await client.begin()
    await client.subscribe("{ extensions }", extensions={"trace": {"id": 5}})
    assert (await client.receive())["payload"] == {"data": {"extensions": {"trace": {"id": 5}}}}


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "\x00\x01\x1f",
        "\u007f\u0080\u00ff",
        "\u0800\ud7ff\ue000\uffff",
        "\U00010000\U0001f600\U0001ffff",
        "\U00020000\U000e0001",
        "\U00100000\U0010ffff",
        "\u202e\u2028\u2029\ufeff",
        "e\u0301\u200d\ufe0f",
    ],
    ids=ascii,
)
async def test_text_of_every_plane_comes_back_as_it_was(client: SocketClient, text: str) -> None:
    await client.begin()
    await client.subscribe("query($value: JSON!) { echo(value: $value) }", variables={"value": {text: [text]}})
    assert (await client.receive())["payload"] == {"data": {"echo": {text: [text]}}}


async def test_a_lone_surrogate_is_refused_and_the_socket_goes_on(client: SocketClient) -> None:
    await client.begin()
    payload = '{"query":"query($v: String!) { echo(value: $v) }","variables":{"v":"\\ud800"}}'
    await client.socket.send(f'{{"type":"subscribe","id":"1","payload":{payload}}}')
    assert (await client.receive())["id"] == "1"
