"""Consumers of several processes, on the Pub/Sub emulator."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engine.bus.port import Message
from engine.bus.pubsub.room import Room
from engine.bus.topology import DEAD_LETTERS, KEPT
from tests.contracts.inbox import Inbox
from tests.contracts.pubsub_buses import QUICK, Calls, pubsub_bus
from tests.emulators import Emulators, project_id
from tests.patience import PATIENCE_SECONDS


@asynccontextmanager
async def consumer_process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.contracts.pubsub_consumer_process",
        *arguments,
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert await line(process) == "ready"
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        return (await process.stdout.readline()).decode().strip()


async def test_two_processes_share_a_group(emulators: Emulators) -> None:
    project, here = project_id(), Inbox()
    there: list[str] = []
    async with (
        consumer_process(project, emulators.pubsub, "wake", "workers", "take") as process,
        pubsub_bus(project, emulators.pubsub) as bus,
        bus.consume("wake", "workers", here, concurrency=5),
    ):
        for n in range(60):
            await bus.publish("wake", b"%d" % n)
        while len(there) + len(here.messages) < 60:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    there.append(await line(process))
    assert sorted([*there, *(body.decode() for body in here.bodies)], key=int) == [str(n) for n in range(60)]
    assert there
    assert here.messages


async def test_a_message_that_a_dead_process_held_comes_to_another(emulators: Emulators) -> None:
    project, heir = project_id(), Inbox()
    async with (
        consumer_process(project, emulators.pubsub, "wake", "workers", "hold") as process,
        pubsub_bus(project, emulators.pubsub) as bus,
    ):
        await bus.publish("wake", b"mine", {"kept": "yes"})
        assert await line(process) == "mine"
        process.kill()
        async with bus.consume("wake", "workers", heir, concurrency=1):
            await heir.holds(1)
    assert [(message.body, message.attributes) for message in heir.messages] == [(b"mine", {"kept": "yes"})]


async def test_a_closed_bus_gives_back_at_once_what_its_handlers_did_not_end(emulators: Emulators) -> None:
    project, heir, began = project_id(), Inbox(), asyncio.Event()
    patient = replace(QUICK, ack_deadline_seconds=600, grace_seconds=0.01)

    async def endless(_message: Message) -> None:
        began.set()
        await asyncio.Event().wait()

    async with pubsub_bus(project, emulators.pubsub) as other:
        async with (
            pubsub_bus(project, emulators.pubsub, tuning=patient) as leaving,
            leaving.consume("wake", "workers", endless, concurrency=1),
        ):
            await other.publish("wake", b"m")
            async with asyncio.timeout(PATIENCE_SECONDS):
                await began.wait()
        async with other.consume("wake", "workers", heir, concurrency=1):
            await heir.holds(1)
    assert heir.bodies == [b"m"]


async def test_a_consumer_takes_no_more_than_it_may_handle(emulators: Emulators) -> None:
    project, free, release = project_id(), Inbox(), asyncio.Event()
    busy: list[bytes] = []
    full = asyncio.Event()

    async def slow(message: Message) -> None:
        busy.append(message.body)
        if len(busy) == 2:
            full.set()
        await release.wait()

    async with (
        pubsub_bus(project, emulators.pubsub) as one,
        pubsub_bus(project, emulators.pubsub) as other,
        one.consume("wake", "workers", slow, concurrency=2),
    ):
        for n in range(10):
            await one.publish("wake", b"%d" % n)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await full.wait()
        async with other.consume("wake", "workers", free, concurrency=2):
            await free.holds(8)
        release.set()
    assert sorted([*busy, *free.bodies]) == [b"%d" % n for n in range(10)]


async def test_the_deadline_of_a_message_in_a_handler_is_moved_so_that_it_does_not_come_again(
    emulators: Emulators,
) -> None:
    """The emulator heeds a deadline of a second once it has been moved to it; on the service ten are the least."""
    calls, inbox, finish = Calls(), Inbox(), asyncio.Event()
    tuning = replace(QUICK, ack_deadline_seconds=1, extend_every_seconds=0.3)

    async def slow(message: Message) -> None:
        await inbox(message)
        await finish.wait()

    async with pubsub_bus(project_id(), emulators.pubsub, tuning=tuning, calls=calls) as bus:
        async with bus.consume("wake", "workers", slow, concurrency=5):
            await bus.publish("wake", b"m")
            await calls.until(6, "ModifyAckDeadline", lambda request: request.ack_deadline_seconds == 1)
            finish.set()
            await calls.until(1, "Acknowledge")
        moved = len(calls.of("ModifyAckDeadline"))
    assert inbox.bodies == [b"m"]
    assert len(calls.of("ModifyAckDeadline")) == moved
    assert {len(request.ack_ids) for request in calls.of("ModifyAckDeadline")} == {1}


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_message_that_fails_every_time_becomes_a_dead_letter(
    emulators: Emulators, caplog: pytest.LogCaptureFixture, *, streaming: bool
) -> None:
    buried, tries = Inbox(), Inbox()
    tuning = replace(QUICK, max_delivery_attempts=5)

    async def failing(message: Message) -> None:
        await tries(message)
        raise ValueError("never")

    async with (
        pubsub_bus(project_id(), emulators.pubsub, streaming=streaming, tuning=tuning) as bus,
        bus.consume("wake", "workers", failing, concurrency=1),
        bus.consume(DEAD_LETTERS, KEPT, buried, concurrency=1),
    ):
        await bus.publish("wake", b"poison", {"kept": "yes"})
        await buried.holds(1)
    (letter,) = buried.messages
    assert (letter.body, letter.attributes["kept"]) == (b"poison", "yes")
    assert letter.attributes["CloudPubSubDeadLetterSourceSubscription"] == "wake.workers"
    assert len(tries.messages) == 5
    assert "wake: workers gave up a message after 5 tries" in caplog.text


async def test_acknowledgements_are_sent_together(emulators: Emulators) -> None:
    calls, inbox = Calls(), Inbox()
    async with (
        pubsub_bus(project_id(), emulators.pubsub, calls=calls) as bus,
        bus.consume("wake", "workers", inbox, concurrency=200),
    ):
        for n in range(400):
            bus.hint("wake", b"%d" % n)
        await inbox.holds(400)
    assert sum(len(request.ack_ids) for request in calls.of("Acknowledge")) == 400
    assert len(calls.of("Acknowledge")) < 40
    assert len(calls.of("Publish")) == 4


async def test_acknowledgements_of_messages_that_come_one_by_one_are_sent_together(emulators: Emulators) -> None:
    calls, inbox = Calls(), Inbox()
    patient = replace(QUICK, gather_seconds=600)
    async with (
        pubsub_bus(project_id(), emulators.pubsub, tuning=patient, calls=calls) as bus,
        bus.consume("wake", "workers", inbox, concurrency=200),
    ):
        for n in range(5):
            bus.hint("wake", b"%d" % n)
            await inbox.holds(n + 1)
        assert calls.of("Acknowledge") == []
    assert [len(request.ack_ids) for request in calls.of("Acknowledge")] == [5]


async def test_acknowledgements_do_not_wait_where_little_more_would_be_sent_before_them(emulators: Emulators) -> None:
    calls, inbox = Calls(), Inbox()
    patient = replace(QUICK, gather_seconds=600)
    async with (
        pubsub_bus(project_id(), emulators.pubsub, tuning=patient, calls=calls) as bus,
        bus.consume("wake", "workers", inbox, concurrency=4),
    ):
        bus.hint("wake", b"m")
        await calls.until(1, "Acknowledge")


async def test_room_that_is_given_back_goes_to_whoever_still_waits() -> None:
    room = Room(1)
    assert await room.take(5) == 1
    gave_up, waits = asyncio.ensure_future(room.take(1)), asyncio.ensure_future(room.take(1))
    await asyncio.sleep(0)
    gave_up.cancel()
    await asyncio.sleep(0)
    room.give(1)
    assert await waits == 1


async def test_a_message_that_fails_while_its_consumer_closes_goes_back_instead_of_among_the_dead_letters(
    emulators: Emulators,
) -> None:
    project, calls, began, closing = project_id(), Calls(), asyncio.Event(), asyncio.Event()
    tuning, tries = replace(QUICK, max_delivery_attempts=5, ack_deadline_seconds=600), Inbox()

    async def fails_at_the_end(message: Message) -> None:
        await tries(message)
        if len(tries.messages) < 5:
            raise ValueError("not yet")
        began.set()
        await closing.wait()
        raise ValueError("the process stops")

    async with (
        pubsub_bus(project, emulators.pubsub) as other,
        pubsub_bus(project, emulators.pubsub, tuning=tuning, calls=calls) as leaving,
        leaving.consume("wake", "workers", fails_at_the_end, concurrency=1),
    ):
        await other.publish("wake", b"m")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await began.wait()
        asyncio.get_running_loop().call_later(0.05, closing.set)
    assert {request.ack_deadline_seconds for request in calls.of("ModifyAckDeadline")} == {0}
    assert calls.of("Acknowledge") == []
    assert calls.of("Publish") == []
