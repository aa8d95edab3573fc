"""What is particular to the in-process bus."""

import asyncio
import logging

import pytest

from engine.bus.local import LocalBus
from engine.bus.port import Message
from tests.patience import PATIENCE_SECONDS


async def test_a_message_that_always_fails_is_dropped_with_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    bus = LocalBus(redelivery_seconds=(0.0, 0.001, 0.001))
    tries = 0
    last = asyncio.Event()

    async def handler(_message: Message) -> None:
        nonlocal tries
        tries += 1
        if tries == 4:
            last.set()
        raise ValueError("never")

    async with bus.consume("wake", "workers", handler, concurrency=1):
        await bus.publish("wake", b"")
        await last.wait()
        await asyncio.sleep(0.005)
    assert tries == 4
    dropped = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in dropped] == ["wake: workers dropped a message after 4 tries"]
    assert dropped[0].exc_info is not None


async def test_a_handler_that_does_not_end_is_cancelled_after_the_grace_period() -> None:
    bus = LocalBus(grace_seconds=0.01)
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(_message: Message) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with bus.consume("wake", "workers", handler, concurrency=1):
        await bus.publish("wake", b"")
        await began.wait()
        await bus.close()
        assert cancelled.is_set()


async def test_a_message_whose_handler_was_cut_off_goes_to_another_consumer() -> None:
    bus = LocalBus(grace_seconds=0.001)
    began, taken_over = asyncio.Event(), asyncio.Event()

    async def endless(_message: Message) -> None:
        began.set()
        await asyncio.Event().wait()

    async def prompt(_message: Message) -> None:
        taken_over.set()

    leaving = bus.consume("wake", "workers", endless, concurrency=1)
    await leaving.__aenter__()
    await bus.publish("wake", b"")
    await began.wait()
    async with bus.consume("wake", "workers", prompt, concurrency=1):
        await leaving.__aexit__(None, None, None)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await taken_over.wait()


async def test_a_handler_that_is_cancelled_inside_counts_as_failed() -> None:
    bus = LocalBus(redelivery_seconds=(0.0,))
    tries: list[bytes] = []
    again = asyncio.Event()

    async def handler(message: Message) -> None:
        tries.append(message.body)
        if len(tries) == 2:
            again.set()
        raise asyncio.CancelledError

    async with bus.consume("wake", "workers", handler, concurrency=1):
        await bus.publish("wake", b"m")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await again.wait()
    assert tries == [b"m", b"m"]


async def test_what_a_leaving_consumer_was_called_for_is_done_by_those_who_stay() -> None:
    bus = LocalBus()
    got: list[bytes] = []
    done = asyncio.Event()

    async def keep(message: Message) -> None:
        got.append(message.body)
        done.set()

    leaving = bus.consume("wake", "workers", keep, concurrency=1)
    await leaving.__aenter__()
    async with bus.consume("wake", "workers", keep, concurrency=1):
        await bus.publish("wake", b"m")  # calls a worker of the first consumer, which has not begun
        await leaving.__aexit__(None, None, None)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await done.wait()
    assert got == [b"m"]


async def test_idle_workers_are_reused() -> None:
    bus = LocalBus()
    handled = asyncio.Event()
    tasks = set()

    async def handler(_message: Message) -> None:
        tasks.add(asyncio.current_task())
        handled.set()

    async with bus.consume("wake", "workers", handler, concurrency=100):
        for _ in range(20):
            handled.clear()
            await bus.publish("wake", b"")
            await handled.wait()
    assert len(tasks) == 1


async def test_what_nobody_consumes_is_not_kept() -> None:
    bus = LocalBus()
    got: list[bytes] = []
    arrived = asyncio.Event()

    async def keep(message: Message) -> None:
        got.append(message.body)
        arrived.set()

    async with bus.consume("wake", "workers", keep, concurrency=1):
        pass
    await bus.publish("wake", b"lost")
    async with bus.consume("wake", "workers", keep, concurrency=1):
        await bus.publish("wake", b"heard")
        await arrived.wait()
    assert got == [b"heard"]
