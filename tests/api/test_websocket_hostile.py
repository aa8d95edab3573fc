"""Sockets whose other end is broken, gone, or means no good: each costs little, ends in time, and disturbs nobody."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import orjson
import pytest

from engine.usecases.caller import Role
from graphql_api.admission.limits import DEFAULT_LIMITS
from graphql_api.context import Credentials, Identity
from graphql_api.metrics import Metrics
from graphql_api.transports.heartbeat import Patience
from graphql_api.transports.reading import MAX_BODY
from tests.api.probe import NO_SERVICES, STREAMS, ProbeRuntime, probe_app, stream_closed
from tests.api.raw_socket import BINARY, CONTINUATION, TEXT, frame, raw_socket
from tests.api.roles import RoleRuntime
from tests.api.serving import served
from tests.api.socket_client import connected
from tests.patience import PATIENCE_SECONDS

PING = '{"type":"ping"}'


def subscribe(id_: str, query: str) -> str:
    return orjson.dumps({"type": "subscribe", "id": id_, "payload": {"query": query}}).decode()


def complete(id_: str) -> str:
    return orjson.dumps({"type": "complete", "id": id_}).decode()


@pytest.fixture
async def metrics() -> Metrics:
    return Metrics(NO_SERVICES)


@pytest.fixture
async def address(metrics: Metrics) -> AsyncIterator[str]:
    async with served(probe_app(ProbeRuntime(), metrics, patience=Patience())) as address:
        yield address


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """No task of before is missing afterwards and none is left over."""
    before = asyncio.all_tasks()
    yield
    await until(lambda: asyncio.all_tasks() == before)


# -------------------------------------------------------------------- nobody there


async def test_a_client_that_never_begins_is_sent_away() -> None:
    patience = Patience(init_seconds=0.02)
    async with served(probe_app(ProbeRuntime(), patience=patience)) as address, connected(address) as client:
        assert await client.closed_because() == (4408, "Connection initialisation timeout")


async def test_nor_is_one_waited_for_that_only_pings() -> None:
    patience = Patience(init_seconds=0.05)
    async with served(probe_app(ProbeRuntime(), patience=patience)) as address, connected(address) as client:
        assert await client.answers()
        assert await client.closed() == 4408


async def test_a_client_is_asked_for_signs_of_life_and_lives_as_long_as_it_gives_them() -> None:
    patience = Patience(ping_seconds=0.02, silence_seconds=0.15)
    async with served(probe_app(ProbeRuntime(), patience=patience)) as address, connected(address) as client:
        await client.begin()
        for _ in range(20):
            assert await client.receive() == {"type": "ping"}
            await client.send("pong")
        assert await client.closed_because() == (4408, "No pong in time")


async def test_a_peer_that_vanished_is_given_up_with_all_its_streams(metrics: Metrics) -> None:
    """It neither reads nor answers, and the network says nothing."""
    patience = Patience(ping_seconds=0.02, silence_seconds=0.1, closing_seconds=0.05)
    async with (
        served(probe_app(ProbeRuntime(), metrics, patience=patience)) as address,
        nothing_left(),
        raw_socket(address, receive_buffer=1024) as socket,
    ):
        await socket.send(subscribe("1", "subscription { endless(size: 100000) }"))
        await until(lambda: metrics._streams == 1)
        await until(lambda: metrics._streams == 0)
        await stream_closed()


async def test_an_idle_socket_is_closed_as_one_that_did_nothing_wrong() -> None:
    patience = Patience(ping_seconds=0.01, silence_seconds=60, idle_seconds=0.05)
    async with served(probe_app(ProbeRuntime(), patience=patience)) as address:
        async with connected(address) as client:
            await client.begin()
            code, reason = await client.closed_because()
            assert code == 1000
            assert "Idle" in reason
        async with connected(address) as client:
            await client.begin()
            await client.subscribe("subscription { silent }")
            for _ in range(10):
                assert await client.receive() == {"type": "ping"}
            await client.send("complete", id="1")
            assert await client.closed() == 1000


async def test_a_client_that_hangs_up_without_a_word_leaves_nothing(address: str, metrics: Metrics) -> None:
    async with nothing_left():
        async with raw_socket(address) as socket:
            await socket.send(subscribe("1", "subscription { silent }"))
            await until(lambda: metrics._streams == 1)
            socket.writer.transport.abort()
        await stream_closed()
    assert metrics._streams == 0


async def test_who_closes_only_its_own_half_leaves_nothing(address: str, metrics: Metrics) -> None:
    async with nothing_left(), raw_socket(address) as socket:
        await socket.send(subscribe("1", "subscription { silent }"))
        await until(lambda: metrics._streams == 1)
        socket.writer.write_eof()
        await until(lambda: metrics._streams == 0)


async def test_one_that_is_closed_and_does_not_read_is_waited_for_no_longer_than_said(metrics: Metrics) -> None:
    patience = Patience(closing_seconds=0.05)
    async with (
        served(probe_app(ProbeRuntime(), metrics, patience=patience)) as address,
        nothing_left(),
        raw_socket(address, receive_buffer=1024) as socket,
    ):
        await socket.send(subscribe("1", "subscription { endless(size: 1000000) }"))
        await until(lambda: len(STREAMS) > 1)
        await socket.send("nonsense")
        await stream_closed()


# -------------------------------------------------------------------- frames


async def test_invalid_utf8_closes_the_socket(address: str) -> None:
    async with raw_socket(address) as socket:
        await socket.send_bytes(frame(b'{"type":"ping","payload":{"a":"\xff"}}'))
        assert await socket.closed() == 1007


async def test_a_message_may_come_in_pieces(address: str) -> None:
    async with raw_socket(address) as socket:
        first, second, third = b'{"type":', b'"pi', b'ng"}'
        await socket.send_bytes(frame(first, last=False) + frame(second, CONTINUATION, last=False))
        await socket.send_bytes(frame(third, CONTINUATION))
        assert await socket.receive() == (TEXT, b'{"type":"pong"}')


async def test_a_message_that_is_too_large_in_all_its_pieces_closes_the_socket(address: str) -> None:
    async with raw_socket(address) as socket:
        await socket.send_bytes(frame(b" " * (MAX_BODY // 2), last=False))
        await socket.send_bytes(bytes([CONTINUATION, 0xFF]) + (MAX_BODY // 2 + 1).to_bytes(8, "big") + b"mask")
        assert await socket.closed() == 1009


async def test_one_that_announces_more_than_there_may_be_is_closed_before_it_is_sent(address: str) -> None:
    async with raw_socket(address) as socket:
        await socket.send_bytes(bytes([0x81, 0xFF]) + (1 << 40).to_bytes(8, "big") + b"mask")
        assert await socket.closed() == 1009


@pytest.mark.parametrize(
    "sent",
    [b"\x81\x01a", b"\xf1\x80mask", b"\x83\x80mask", frame(b"x", CONTINUATION), frame(b"x" * 126, 9)],
    ids=["no mask", "reserved bits", "unknown opcode", "nothing to continue", "long ping"],
)
async def test_what_is_no_frame_closes_the_socket(address: str, sent: bytes) -> None:
    """Unmasked, reserved bits, a reserved opcode, a continuation of nothing, a control frame that is too long."""
    async with raw_socket(address) as socket:
        await socket.send_bytes(sent)
        assert await socket.closed() == 1002


async def test_a_message_of_the_largest_size_is_read(address: str) -> None:
    async with connected(address, max_size=None) as client:
        await client.begin()
        value = "x" * (MAX_BODY - 1000)
        await client.subscribe("query($value: JSON!) { echo(value: $value) }", variables={"value": value})
        assert (await client.receive())["payload"] == {"data": {"echo": value}}


async def test_a_message_is_as_large_as_the_role_may_send(metrics: Metrics) -> None:
    most = DEFAULT_LIMITS[Role.VIEWER].body_bytes
    async with (
        served(probe_app(RoleRuntime(), metrics, patience=Patience())) as address,
        connected(address, additional_headers={"authorization": "viewer"}) as client,
    ):
        await client.begin()
        for size in (most - 1_000, most + 1):
            await client.subscribe("query($value: JSON!) { echo(value: $value) }", variables={"value": "x" * size})
        await client.receive()
        assert await client.closed() == 1009


# -------------------------------------------------------------------- too much


async def test_an_operation_too_many_is_refused_and_the_socket_goes_on() -> None:
    app = probe_app(ProbeRuntime(), patience=Patience(), operations_of_a_socket=3)
    async with served(app) as address, connected(address) as client:
        await client.begin()
        for number in range(3):
            await client.subscribe("subscription { silent }", str(number))
        await client.subscribe("{ number }", "more")
        message = await client.receive()
        assert (message["type"], message["id"]) == ("error", "more")
        assert message["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        await client.send("complete", id="1")
        await client.subscribe("{ number }", "more")
        assert (await client.receive())["type"] == "next"


async def test_a_hundred_operations_are_allowed(address: str) -> None:
    async with connected(address) as client:
        await client.begin()
        for number in range(101):
            await client.subscribe("subscription { silent }", str(number))
        message = await client.receive()
        assert (message["type"], message["id"]) == ("error", "100")
        assert await client.answers()


async def test_a_thousand_subscriptions_come_and_go_and_leave_no_task(address: str, metrics: Metrics) -> None:
    async with connected(address) as client, nothing_left():
        await client.begin()
        for number in range(1000):
            query = "subscription { count(to: 100000) }" if number % 2 else "subscription { silent }"
            await client.subscribe(query, str(number))
            await client.send("complete", id=str(number))
            if number % 50 == 0:
                await client.send("ping")
                while (await client.receive())["type"] != "pong":
                    pass
        await until(lambda: metrics._streams == 0)


async def test_sockets_that_come_and_go_leave_no_task(address: str, metrics: Metrics) -> None:
    async with nothing_left():
        for _ in range(50):
            async with connected(address) as client:
                await client.begin()
                await client.subscribe("subscription { count(to: 1000) }")
                assert (await client.receive())["type"] == "next"
    assert metrics._streams == 0


@pytest.mark.parametrize(
    "flood",
    [
        [PING] * 2,
        [subscribe("1", "{ number }"), complete("1")],
        [subscribe("1", "subscription { silent }"), complete("1")],
        [subscribe("1", "{"), subscribe("1", "{ nothing }")],
        [complete("unknown"), '{"type":"pong"}'],
    ],
    ids=["pings", "queries", "subscriptions", "refusals", "nothing"],
)
async def test_a_flood_that_nobody_reads_the_answers_to_takes_no_memory(address: str, flood: list[str]) -> None:
    chunk = b"".join(frame(text.encode()) for text in flood) * 200
    async with raw_socket(address, receive_buffer=1024) as socket:
        sent = 0
        tracemalloc.start()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                for sent in range(40):  # noqa: B007 # how far it came
                    await asyncio.wait_for(socket.send_bytes(chunk), 0.3)
        except TimeoutError:
            pass  # it is not read any further, which is as good
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert sent > 0
        assert peak < 12_000_000
        async with connected(address) as other:
            await other.begin()
            assert await other.answers()


async def test_a_flood_lets_others_have_their_turn(address: str) -> None:
    """Of what one socket sent in a single piece, not all is done before another's message is looked at."""
    async with raw_socket(address) as socket, connected(address) as other:
        await other.begin()
        documents = [subscribe(str(n), f"{{ number(value: {n}) a{n}: number }}") for n in range(90)]
        await socket.send(*documents)
        await other.send("ping")
        assert await other.receive() == {"type": "pong"}
        answered = 0
        while not socket.reader.at_eof() and answered < 180:
            opcode, payload = await socket.receive()
            assert opcode == TEXT
            answered += b'"next"' in payload or b'"complete"' in payload
        assert answered == 180


async def test_a_reader_that_stops_costs_what_its_outbox_and_socket_hold_however_many_streams_it_has(
    address: str,
) -> None:
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(raw_socket(address, receive_buffer=1024))
        await socket.send(*(subscribe(str(n), "subscription { endless(size: 10000) }") for n in range(100)))
        seen = -1
        while seen != len(STREAMS) or seen == 0:
            seen = len(STREAMS)
            await asyncio.sleep(0.05)
        assert seen * 10_000 < 16_000_000, "100 outstanding events, 64 KB here, and the buffers of the kernel"
        other = await stack.enter_async_context(connected(address))
        await other.begin()
        await other.subscribe("subscription { count(to: 100) }")
        for number in range(100):
            assert (await other.receive())["payload"] == {"data": {"count": number + 1}}


async def test_identifying_that_takes_too_long_is_given_up() -> None:
    class Slow(ProbeRuntime):
        async def identify(self, credentials: Credentials) -> Identity:
            await asyncio.Event().wait()
            return await super().identify(credentials)

    patience = Patience(init_seconds=0.05)
    async with served(probe_app(Slow(), patience=patience)) as address, connected(address) as client:
        await client.send("connection_init")
        assert await client.closed() == 4408


async def test_binary_pieces_of_a_text_are_refused(address: str) -> None:
    async with raw_socket(address) as socket:
        await socket.send_bytes(frame(PING.encode(), BINARY))
        assert await socket.closed() == 4400
