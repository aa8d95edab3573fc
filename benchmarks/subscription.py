"""GraphQL subscriptions over one WebSocket, by the graphql-transport-ws protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from benchmarks.lean_socket import LeanSocket

OnData = Callable[[Any], None]
ACKNOWLEDGED = b'{"type":"connection_ack"}'


def messages(document: str, **variables: Any) -> list[bytes]:
    """What opens the socket and subscribes. The server takes them in order, so the second need not wait for the answer to the first."""
    payload = {"query": document, "variables": variables}
    subscribe = {"id": "1", "type": "subscribe", "payload": payload}
    return [b'{"type":"connection_init"}', orjson.dumps(subscribe)]


@asynccontextmanager
async def subscribed(host: str, port: int, document: str, on_data: OnData, **variables: Any) -> AsyncIterator[None]:
    """Calls `on_data` with every event's `data` while the context is open."""

    def told(text: bytes) -> None:
        if text == ACKNOWLEDGED:
            acknowledged.set()
            return
        message = orjson.loads(text)
        if message["type"] == "next":
            on_data(message["payload"]["data"])
        elif message["type"] != "complete":
            raise RuntimeError(f"the subscription was answered with {text!r}")

    acknowledged = asyncio.Event()
    first = messages(document, **variables)
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: LeanSocket("/graphql", first, lambda: None, told), host, port)
    try:
        await acknowledged.wait()
        yield
    finally:
        socket.transport.abort()
