"""The short way for texts is the same as uvicorn's, byte by byte."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.api.serving import served
from weft.quick_socket import text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])
def test_a_frame_is_what_the_library_makes_of_the_text(size: int) -> None:
    text = b"x" * size
    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


Talk = Callable[[Receive, Send], Awaitable[None]]


def application(talk: Talk) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await talk(receive, send)

    return app


def text(content: str) -> Message:
    return {"type": "websocket.send", "text": content}


@pytest.mark.parametrize("compression", [None, "deflate"])
async def test_texts_bytes_and_the_end_come_in_order(compression: str | None) -> None:
    async def talk(receive: Receive, send: Send) -> None:
        del receive
        await send({"type": "websocket.accept"})
        await send(text("ä\u2028\U0001f600"))
        await send({"type": "websocket.send", "bytes": b"\x00\xff"})
        await send(text(""))
        await send({"type": "websocket.close", "code": 4321, "reason": "enough"})

    async with served(application(talk)) as address, connect(f"ws://{address}/", compression=compression) as socket:
        assert [await socket.recv() for _ in range(3)] == ["ä\u2028\U0001f600", b"\x00\xff", ""]
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert (socket.close_code, socket.close_reason) == (4321, "enough")


async def test_a_text_after_the_end_is_a_mistake_and_one_to_nobody_an_oserror() -> None:
    raised: list[type[Exception]] = []
    gone = asyncio.Event()

    async def attempt(send: Send, message: Message) -> None:
        try:
            await send(message)
        except (OSError, RuntimeError) as error:
            raised.append(type(error))

    async def talk(receive: Receive, send: Send) -> None:
        await attempt(send, text("too early"))
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"
        await attempt(send, text("too late"))
        gone.set()

    async with served(application(talk)) as address:
        async with connect(f"ws://{address}/") as socket:
            await socket.close()
        await asyncio.wait_for(gone.wait(), 5)
    assert raised[0] is RuntimeError
    assert issubclass(raised[1], OSError)


async def test_a_reader_that_stops_is_waited_for() -> None:
    sent = 0

    async def talk(receive: Receive, send: Send) -> None:
        nonlocal sent
        del receive
        await send({"type": "websocket.accept"})
        for _ in range(200):
            await send(text("x" * 100_000))
            sent += 1

    async with served(application(talk)) as address, connect(f"ws://{address}/", max_queue=1) as socket:
        seen = -1
        while seen != sent or sent == 0:
            seen = sent
            await asyncio.sleep(0.05)
        assert sent < 200
        for _ in range(200):
            assert len(await socket.recv()) == 100_000
