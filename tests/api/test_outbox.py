"""What a connection is still to be sent: in order, within bounds, and at once where the socket takes it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from graphql_api.transports.begun import begun
from graphql_api.transports.outbox import Outbox


class Socket:
    """Takes messages while it is open; `gone` and `broken` are what sending raises then."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None
        self.got: list[str] = []

    async def send(self, message: Message) -> None:
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        self.got.append(message["text"])


@pytest.fixture
async def socket() -> Socket:
    return Socket()


@pytest.fixture
async def outbox(socket: Socket) -> AsyncIterator[Outbox]:
    outbox = Outbox(socket.send, room_bytes=10)
    writing = asyncio.create_task(outbox.run())
    await asyncio.sleep(0)
    yield outbox
    writing.cancel()


def put(outbox: Outbox, *texts: str) -> None:
    for text in texts:
        outbox.put({"type": "test", "text": text}, len(text))


async def test_what_the_socket_takes_is_sent_before_put_returns(outbox: Outbox, socket: Socket) -> None:
    put(outbox, "a", "b")
    assert socket.got == ["a", "b"]
    assert outbox.room


async def test_what_it_does_not_take_waits_in_order_and_counts(outbox: Outbox, socket: Socket) -> None:
    socket.open.clear()
    put(outbox, "aaaa", "bbbb")
    assert outbox.room
    put(outbox, "cccc")
    assert not outbox.room
    put(outbox, "dddd")
    await asyncio.sleep(0)
    assert socket.got == []
    socket.open.set()
    while len(socket.got) < 4:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert socket.got == ["aaaa", "bbbb", "cccc", "dddd"]
    assert outbox.room
    put(outbox, "e")
    assert socket.got[-1] == "e"


async def test_those_who_wait_for_room_come_in_turn_as_long_as_there_is_room(outbox: Outbox, socket: Socket) -> None:
    socket.open.clear()
    put(outbox, "x" * 10)
    called: list[int] = []

    def caller(number: int) -> None:
        called.append(number)
        put(outbox, "y" * 6)

    callers = [lambda number=number: caller(number) for number in range(4)]
    for each in callers:
        outbox.when_room(each)
    outbox.forget(callers[1])
    drained: list[None] = []
    outbox.on_drained = lambda: drained.append(None)
    socket.open.set()
    await outbox.made_room()
    while len(called) < 3:
        await asyncio.sleep(0)
    assert called == [0, 2, 3]
    assert drained


async def test_the_last_message_comes_behind_all_others_and_ends_the_writer(socket: Socket) -> None:
    outbox = Outbox(socket.send)
    socket.open.clear()
    put(outbox, "a", "b")
    outbox.end({"type": "test", "text": "last"})
    outbox.end({"type": "test", "text": "no more"})
    put(outbox, "dropped")
    writing = asyncio.create_task(outbox.run())
    await asyncio.sleep(0)
    socket.open.set()
    await writing
    assert socket.got == ["a", "b", "last"]


@pytest.mark.parametrize("waits", [True, False])
async def test_a_socket_that_is_gone_ends_the_writer_quietly(socket: Socket, *, waits: bool) -> None:
    outbox = Outbox(socket.send)
    writing = asyncio.create_task(outbox.run())
    await asyncio.sleep(0)
    if waits:
        socket.open.clear()
    socket.failure = OSError()
    put(outbox, "a", "b")
    socket.open.set()
    await writing
    put(outbox, "c")
    assert socket.got == []


async def test_a_mistake_of_the_server_is_the_writers_and_not_that_of_who_put_the_message(socket: Socket) -> None:
    outbox = Outbox(socket.send)
    writing = asyncio.create_task(outbox.run())
    await asyncio.sleep(0)
    socket.failure = RuntimeError("no")
    put(outbox, "a")
    with pytest.raises(RuntimeError, match="no"):
        await writing


async def test_work_that_need_not_wait_is_done_at_once() -> None:
    done = []

    async def work() -> None:
        done.append(1)

    assert begun(work()) is None
    assert done == [1]


async def test_work_that_waits_is_done_by_who_awaits_the_rest() -> None:
    first, second, done = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        await first.wait()
        done.append(1)
        await second.wait()
        await asyncio.sleep(0)
        done.append(2)

    rest = begun(work())
    assert rest is not None
    first.set()
    waiting = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert done == [1]
    second.set()
    await waiting
    assert done == [1, 2]


async def test_the_rest_of_work_can_be_cancelled_and_cleans_up() -> None:
    done = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            done.append("cleaned up")

    rest = begun(work())
    assert rest is not None
    waiting = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == ["cleaned up"]
