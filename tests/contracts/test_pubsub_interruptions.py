"""What happens when Pub/Sub cannot be reached, or its streams die."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from engine.bus.pubsub import PubSubBus
from engine.domain.errors import PayloadTooLarge, Unavailable
from tests.contracts.cut_connection import cut_connection
from tests.contracts.inbox import Inbox
from tests.contracts.pubsub_buses import QUICK, pubsub_bus
from tests.emulators import Emulators, project_id
from tests.patience import PATIENCE_SECONDS

IMPATIENT = replace(QUICK, publish_seconds=0.3, farewell_seconds=0.1, grace_seconds=0.1)


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nothing listens."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize("streaming", [False, True])
async def test_consumers_and_listeners_come_back_after_an_interruption(
    emulators: Emulators, *, streaming: bool
) -> None:
    project, inbox = project_id(), Inbox()
    async with (
        cut_connection(emulators.pubsub) as connection,
        pubsub_bus(project, emulators.pubsub) as elsewhere,
        pubsub_bus(project, connection.address, streaming=streaming) as bus,
        bus.consume("wake", "workers", inbox, concurrency=3),
        bus.listen("events") as listener,
    ):
        for n in range(2):
            connection.cut()
            with pytest.raises(Unavailable):
                await bus.ready()
            connection.mend()
            # What was on its way into the dead connection comes after its deadline, so try with more than one.
            for topic, arrived in (("wake", inbox.holds(n + 1)), ("events", anext(listener))):
                await until(arrived, elsewhere, topic)


async def test_publishing_outlasts_a_short_interruption(emulators: Emulators) -> None:
    project, inbox = project_id(), Inbox()
    async with (
        cut_connection(emulators.pubsub) as connection,
        pubsub_bus(project, emulators.pubsub) as elsewhere,
        elsewhere.consume("wake", "workers", inbox, concurrency=1),
        pubsub_bus(project, connection.address) as bus,
    ):
        connection.cut()
        bus.hint("wake", b"hint")
        publishing = asyncio.ensure_future(bus.publish("wake", b"m"))
        asyncio.get_running_loop().call_later(0.2, connection.mend)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await publishing
        await inbox.holds(2)
    assert inbox.bodies == [b"hint", b"m"]


async def test_a_stream_on_which_nothing_comes_is_opened_again(
    emulators: Emulators, caplog: pytest.LogCaptureFixture
) -> None:
    """The service sends heartbeats, the emulator none."""
    inbox = Inbox()
    tuning = replace(QUICK, silence_seconds=0.15, heartbeat_seconds=0.05)
    caplog.set_level(logging.WARNING)
    async with (
        pubsub_bus(project_id(), emulators.pubsub, streaming=True, tuning=tuning) as bus,
        bus.consume("wake", "workers", inbox, concurrency=1),
    ):
        while "not even a heartbeat" not in caplog.text:
            await asyncio.sleep(0.01)
        await until(inbox.holds(1), bus, "wake")


async def test_publish_gives_up_in_its_time_and_says_what_to_do(nobody: str) -> None:
    async with pubsub_bus("p", nobody, tuning=IMPATIENT) as bus:
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(
                Unavailable, match=f"emulator at {nobody} does not answer; start it, or unset PUBSUB_EM"
            ):
                await bus.publish("wake", b"m")
            with pytest.raises(Unavailable, match=nobody):
                await bus.ready()
            with pytest.raises(Unavailable, match=nobody):
                async with bus.listen("events"):
                    pass
            with pytest.raises(Unavailable, match=nobody):
                async with bus.consume("wake", "workers", Inbox(), concurrency=1):
                    pass


async def test_a_publisher_that_gives_up_holds_nobody_else_up(nobody: str) -> None:
    async with pubsub_bus("p", nobody, tuning=IMPATIENT) as bus:
        impatient = asyncio.ensure_future(bus.publish("wake", b"m"))
        await asyncio.sleep(0)
        impatient.cancel()
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(Unavailable):
                await bus.publish("wake", b"n")
    assert impatient.cancelled()


async def test_hints_neither_wait_nor_raise_and_the_oldest_are_lost_beyond_the_backlog(
    nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    tuning = replace(IMPATIENT, backlog_messages=10, backlog_bytes=1000)
    async with pubsub_bus("p", nobody, tuning=tuning) as bus:
        for n in range(100):
            bus.hint("wake", b"%d" % n)
        assert waiting(bus) == [b"%d" % n for n in range(90, 100)]
        bus.hint("wake", b"x" * 900)
        assert waiting(bus)[-1] == b"x" * 900
        assert sum(map(len, waiting(bus))) <= 1000
    assert caplog.text.count("wake: more hints than Pub/Sub takes; the oldest are dropped") == 1


async def test_what_is_too_large_is_refused_with_numbers_and_a_hint_is_lost_with_a_line(
    nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with pubsub_bus("p", nobody, tuning=IMPATIENT) as bus:
        body = b"x" * 10_000_001
        with pytest.raises(PayloadTooLarge, match="10,000,001 bytes; Pub/Sub takes at most 9,999,800"):
            await bus.publish("wake", body)
        bus.hint("wake", body)
        bus.hint("no/topic", b"")
    assert "wake: a hint cannot be sent" in caplog.text
    assert "'no/topic' cannot name a topic" in caplog.text


async def test_closing_sends_what_waits(emulators: Emulators) -> None:
    project, inbox = project_id(), Inbox()
    async with pubsub_bus(project, emulators.pubsub) as other, other.consume("wake", "g", inbox, concurrency=50):
        async with pubsub_bus(project, emulators.pubsub) as bus:
            for n in range(250):
                bus.hint("wake", b"%d" % n)
        await inbox.holds(250)


def waiting(bus: PubSubBus) -> list[bytes]:
    return [entry.message.data for entry in bus._outboxes["wake"]._hints]


async def until(arrived: Awaitable[object], bus: PubSubBus, topic: str) -> None:
    """Publishes until something has arrived."""
    arrival = asyncio.ensure_future(arrived)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not arrival.done():
            await bus.publish(topic, b"m")
            await asyncio.wait((arrival,), timeout=0.1)
    arrival.result()
