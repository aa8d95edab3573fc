"""GraphQL subscriptions over one WebSocket, by the graphql-transport-ws protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

OnData = Callable[[Any], None]


@asynccontextmanager
async def subscribed(host: str, port: int, document: str, on_data: OnData, **variables: Any) -> AsyncIterator[None]:
    """Calls `on_data` with every event's `data` while the context is open, which fails where the subscription does."""
    url = f"ws://{host}:{port}/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None, proxy=None) as socket:
        await socket.send('{"type": "connection_init"}')
        assert orjson.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": document, "variables": variables}
        await socket.send(orjson.dumps({"id": "1", "type": "subscribe", "payload": payload}).decode())
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_read(socket, on_data))
            yield
            reading.cancel()


async def _read(socket: ClientConnection, on_data: OnData) -> None:
    async for text in socket:
        message = orjson.loads(text)
        if message["type"] == "next":
            on_data(message["payload"]["data"])
        elif message["type"] == "ping":
            await socket.send('{"type": "pong"}')
        elif message["type"] == "complete":
            return
        else:
            raise RuntimeError(f"the subscription was answered with {text!r}")
