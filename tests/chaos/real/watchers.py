"""Those who watch executions, over WebSockets and event streams. They drop their connection now and then, and come back to another
replica with the last seq they saw.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from random import Random
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

AGAIN_SECONDS = 0.1
DOCUMENT = """subscription ($id: ID!, $after: Int!) {
    executionEvents(executionId: $id, after: $after, includeEphemeral: false) { __typename seq }
}"""
Events = AsyncGenerator[dict[str, Any], None]


class Broken(Exception):
    """The stream ended before it was complete."""


class Watcher:
    """`url` gives a replica, another one each time."""

    def __init__(self, url: Callable[[], str], execution_id: str, random: Random) -> None:
        self._url = url
        self._execution_id = execution_id
        self._random = random
        self.seen: list[tuple[int, str]] = []
        """Seq and type of every event."""
        self.connections = 0

    @property
    def last_seq(self) -> int:
        return self.seen[-1][0] if self.seen else 0

    async def run(self) -> None:
        """Until the stream is complete."""
        while True:
            self.connections += 1
            stream = self._random.choice([self._over_websocket, self._over_sse])
            patience = self._random.choice([1, 3, 1000])
            try:
                async with aclosing(stream()) as events:
                    if await self._complete(events, patience):
                        return
            except (Broken, OSError, httpx.TransportError, WebSocketException):
                await asyncio.sleep(AGAIN_SECONDS)

    async def _complete(self, events: Events, patience: int) -> bool:
        """False after so many events."""
        async for event in events:
            self.seen.append((event["seq"], event["__typename"]))
            patience -= 1
            if patience == 0:
                return False
        return True

    async def _over_websocket(self) -> Events:
        url = self._url().replace("http", "ws", 1) + "/graphql"
        async with connect(url, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]
            await socket.send(json.dumps({"type": "connection_init"}))
            payload = {"query": DOCUMENT, "variables": {"id": self._execution_id, "after": self.last_seq}}
            async for text in socket:
                message = json.loads(text)
                match message["type"]:
                    case "connection_ack":
                        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
                    case "ping":
                        await socket.send(json.dumps({"type": "pong"}))
                    case "next":
                        yield _event(message["payload"])
                    case "complete":
                        return
                    case other:
                        raise Broken(f"{other}: {message}")
        raise Broken("the socket was closed")

    async def _over_sse(self) -> Events:
        body = {"query": DOCUMENT, "variables": {"id": self._execution_id, "after": 0}}
        headers = {"accept": "text/event-stream", "last-event-id": str(self.last_seq)}
        client = httpx.AsyncClient(timeout=httpx.Timeout(10, read=60), trust_env=False)
        async with client, client.stream("POST", f"{self._url()}/graphql", json=body, headers=headers) as response:
            if response.status_code >= 500:
                raise Broken(f"answered with {response.status_code}")
            response.raise_for_status()
            kind = ""
            async for line in response.aiter_lines():
                name, _, value = line.partition(":")
                if name == "event":
                    kind = value.strip()
                elif name == "data" and kind == "complete":
                    return
                elif name == "data":
                    yield _event(json.loads(value))
        raise Broken("the stream ended")


def _event(answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("errors"):
        if any(each.get("extensions", {}).get("code") == "UNAVAILABLE" for each in answer["errors"]):
            raise Broken(str(answer["errors"]))
        raise AssertionError(f"a subscription was refused: {answer['errors']}")
    event: dict[str, Any] = answer["data"]["executionEvents"]
    return event
