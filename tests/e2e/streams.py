"""The events of one execution as clients get them: over a WebSocket, and as an event stream."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
from websockets.asyncio.client import connect

DOCUMENT = """subscription ($id: ID!, $after: Int!) {
    executionEvents(executionId: $id, after: $after, includeEphemeral: false) { __typename seq }
}"""
Events = AsyncGenerator[dict[str, Any], None]


class Broken(Exception):
    """The stream ended before it was complete."""


async def over_websocket(url: str, execution_id: str, after: int) -> Events:
    """Until it is complete. Raises `Broken`, and what `websockets` raises."""
    address = url.replace("http", "ws", 1) + "/graphql"
    async with connect(address, subprotocols=["graphql-transport-ws"], proxy=None) as socket:  # type: ignore[list-item]  # a NewType of str
        await socket.send(json.dumps({"type": "connection_init"}))
        payload = {"query": DOCUMENT, "variables": {"id": execution_id, "after": after}}
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


async def over_sse(url: str, execution_id: str, after: int) -> Events:
    """Until it is complete. It goes on behind `after` by the header that browsers send. Raises `Broken`, `httpx.TransportError`."""
    kind = ""
    async for line in sse_lines(url, execution_id, after):
        name, _, value = line.partition(":")
        if name == "event":
            kind = value.strip()
        elif name == "data" and kind == "complete":
            return
        elif name == "data":
            yield _event(json.loads(value))
    raise Broken("the stream ended")


async def sse_lines(url: str, execution_id: str, after: int) -> AsyncGenerator[str, None]:
    """Until the server ends the stream."""
    body = {"query": DOCUMENT, "variables": {"id": execution_id, "after": 0}}
    headers = {"accept": "text/event-stream", "last-event-id": str(after)}
    client = httpx.AsyncClient(timeout=httpx.Timeout(10, read=60), trust_env=False)
    async with client, client.stream("POST", f"{url}/graphql", json=body, headers=headers) as response:
        if response.status_code >= 500:
            raise Broken(f"answered with {response.status_code}")
        response.raise_for_status()
        async for line in response.aiter_lines():
            yield line


def _event(answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("errors"):
        if any(each.get("extensions", {}).get("code") == "UNAVAILABLE" for each in answer["errors"]):
            raise Broken(str(answer["errors"]))
        raise AssertionError(f"a subscription was refused: {answer['errors']}")
    event: dict[str, Any] = answer["data"]["executionEvents"]
    return event
