"""Streamed text is sent in few pieces, soon, and whole."""

import asyncio

import pytest

from engine.executors.delta_stream import LONGEST, DeltaStream
from tests.patience import PATIENCE_SECONDS


async def test_the_first_piece_is_sent_at_once_and_the_rest_together_at_the_end() -> None:
    sent: list[str] = []
    with DeltaStream(sent.append, interval_seconds=3600) as deltas:
        deltas.write("a")
        assert sent == ["a"]
        for _ in range(100):
            deltas.write("b")
        assert sent == ["a"]
    assert sent == ["a", "b" * 100]


async def test_a_stream_that_stalls_does_not_keep_text_back() -> None:
    sent: list[str] = []
    arrived = asyncio.Event()

    def send(text: str) -> None:
        sent.append(text)
        if len(sent) > 1:
            arrived.set()

    with DeltaStream(send, interval_seconds=0.005) as deltas:
        deltas.write("a")
        deltas.write("b")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await arrived.wait()
        assert sent == ["a", "b"]


async def test_a_stalled_stream_has_no_timer() -> None:
    with DeltaStream(lambda _: None, interval_seconds=0.001) as deltas:
        deltas.write("a")
        await asyncio.sleep(0.01)
        assert deltas._timer is None


async def test_much_text_does_not_wait() -> None:
    sent: list[str] = []
    with DeltaStream(sent.append, interval_seconds=3600) as deltas:
        deltas.write("a")
        deltas.write("b" * LONGEST)
        assert sent == ["a", "b" * LONGEST]


async def test_an_error_sends_what_came_before_it() -> None:
    sent: list[str] = []

    def fail() -> None:
        with DeltaStream(sent.append, interval_seconds=3600) as deltas:
            deltas.write("a")
            deltas.write("b")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - any
        fail()
    assert sent == ["a", "b"]
