"""Speaks graphql-transport-ws, frame by frame, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")


class SocketClient:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, type_: str, **more: Any) -> None:
        await self.socket.send(orjson.dumps({"type": type_, **more}).decode())

    async def receive(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self.socket.recv(), 5)
        assert isinstance(text, str), "browsers' clients take texts alone"
        message = orjson.loads(text)
        assert isinstance(message, dict)
        return message

    async def begin(self) -> "SocketClient":
        await self.send("connection_init")
        assert await self.receive() == {"type": "connection_ack"}
        return self

    async def subscribe(self, query: str, id_: str = "1", **more: Any) -> None:
        await self.send("subscribe", id=id_, payload={"query": query, **more})

    async def answers(self) -> bool:
        """Everything that was sent before has been read by then."""
        await self.send("ping")
        return await self.receive() == {"type": "pong"}

    async def closed(self) -> int:
        """The code that the server closed the socket with, after what it sent before."""
        return (await self.closed_because())[0]

    async def closed_because(self) -> tuple[int, str]:
        try:
            while True:
                await asyncio.wait_for(self.socket.recv(), 5)
        except ConnectionClosed as closing:
            return (closing.rcvd.code, closing.rcvd.reason) if closing.rcvd else (1006, "")


@asynccontextmanager
async def connected(address: str, **more: Any) -> AsyncIterator[SocketClient]:
    async with connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL], compression=None, **more) as socket:
        yield SocketClient(socket)
