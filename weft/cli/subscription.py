"""Subscriptions by the graphql-transport-ws protocol. One socket carries one of them, which keeps both sides simple."""

import json
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from weft.cli.address import ServerAddress
from weft.cli.api_errors import ConnectionLost, NoServer, Refusal, RequestRefused, Unauthenticated

_PROTOCOL = Subprotocol("graphql-transport-ws")
_OPERATION = "1"
_UNKNOWN_CALLER = (4401, 4403)
"""Closing codes of the protocol: no token, and none that is accepted."""
_LARGEST_MESSAGE = 64 * 1024 * 1024
"""Bytes. One output may have 16 MiB, and JSON may write each of them as `\\u00xx`."""


async def subscribe(
    address: ServerAddress, document: str, variables: Mapping[str, Any], authorization: str | None = None
) -> AsyncGenerator[dict[str, Any], None]:
    """The `data` of every event, until the server says that the stream is complete.

    Raises `NoServer` if no connection comes about, `ConnectionLost` if it breaks later, `Unauthenticated` if the server does
    not know the caller, or no longer, `RequestRefused`.
    """
    async with await _connected(address, authorization) as socket:
        try:
            await _send(socket, {"type": "connection_init"})
            await _receive(socket, "connection_ack")
            await _send(
                socket,
                {"id": _OPERATION, "type": "subscribe", "payload": {"query": document, "variables": dict(variables)}},
            )
            while (message := await _receive(socket, "next", "error", "complete"))["type"] != "complete":
                yield _event(message)
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code in _UNKNOWN_CALLER:
                raise Unauthenticated(address.url, shown=authorization is not None) from error
            raise ConnectionLost(f"the connection to {address.url} was lost: {error}") from error


async def _connected(address: ServerAddress, authorization: str | None) -> ClientConnection:
    try:
        return await connect(
            address.socket,
            subprotocols=[_PROTOCOL],
            additional_headers=None if authorization is None else {"authorization": authorization},
            # On loopback there is no proxy, even if one is set for everything else, and bytes cost nothing.
            proxy=None if address.loopback else True,
            compression=None if address.loopback else "deflate",
            open_timeout=5,
            close_timeout=1,
            max_size=_LARGEST_MESSAGE,
        )
    except (OSError, TimeoutError, InvalidMessage) as error:
        raise NoServer(f"no weft server at {address.url}") from error
    except InvalidStatus as error:
        if error.response.status_code == HTTPStatus.UNAUTHORIZED:
            raise Unauthenticated(address.url, shown=authorization is not None) from error
        raise _no_server(address, error) from error
    except InvalidHandshake as error:
        raise _no_server(address, error) from error


def _no_server(address: ServerAddress, error: InvalidHandshake) -> NoServer:
    return NoServer(f"what answers at {address.socket} is no weft server: {error}")


async def _send(socket: ClientConnection, message: Mapping[str, Any]) -> None:
    await socket.send(json.dumps(message))


async def _receive(socket: ClientConnection, *expected: str) -> dict[str, Any]:
    """The next message of an expected type. Pings of the protocol are answered on the way."""
    while True:
        message: dict[str, Any] = json.loads(await socket.recv())
        if message["type"] in expected:
            return message
        if message["type"] == "ping":
            await _send(socket, {"type": "pong"})


def _event(message: Mapping[str, Any]) -> dict[str, Any]:
    payload = message["payload"]
    errors = payload if message["type"] == "error" else payload.get("errors")
    if errors:
        raise RequestRefused([Refusal.from_response(error) for error in errors])
    data = payload["data"]
    assert isinstance(data, dict)
    return data
