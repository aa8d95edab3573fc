"""The messages of graphql-transport-ws, and the codes that its sockets are closed with."""

from enum import IntEnum
from typing import Any

import msgspec

from graphql_api.transports.json_text import read_json
from graphql_api.transports.reading import MAX_BODY
from graphql_api.transports.refusal import RequestRefused
from graphql_api.transports.request import GraphQLRequest

PROTOCOL = "graphql-transport-ws"
MAX_BEFORE_ACK = 16 * 1024
"""Of a message, in bytes, until it is known who sends it: a token and some words about the client."""
MAX_PING = 4 * 1024
"""Of a `ping` or `pong` as a whole, at any time: it is kept, and sent back."""
ACKNOWLEDGED = "weft.acknowledged"
"""An ASGI extension, and the event by which an application tells a server that has it that larger messages may come."""
_REASON_BYTES = 123
"""What a close frame has room for."""


class CloseCode(IntEnum):
    """Clients of `graphql-ws` connect again by themselves after NORMAL where they have something to ask, and after FORBIDDEN and
    TIMEOUT; the others they report.
    """

    NORMAL = 1000
    TOO_LARGE = 1009
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    NOT_ACCEPTABLE = 4406
    TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY = 4429


class SocketClosed(Exception):  # not an error, but the end
    """The server ends the connection; the reason is cut to what fits."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode("utf-8", "replace")[:_REASON_BYTES].decode("utf-8", "ignore")


class Message(msgspec.Struct, frozen=True, tag_field="type", tag=lambda name: name.lower()):
    """What a client may send. Members that the protocol does not know are ignored, as its own server does."""


class ConnectionInit(Message, frozen=True, tag="connection_init"):
    payload: dict[str, Any] | None = None


class Ping(Message, frozen=True):
    payload: dict[str, Any] | None = None


class Pong(Message, frozen=True):
    payload: dict[str, Any] | None = None


class Subscribe(Message, frozen=True):
    id: str
    payload: GraphQLRequest

    def __post_init__(self) -> None:
        """What it raises becomes a `ValidationError` of msgspec."""
        if not self.id:
            raise ValueError("`id` is empty")


class Complete(Message, frozen=True):
    id: str


_OfClients = ConnectionInit | Ping | Pong | Subscribe | Complete


def read_message(text: str | None, most: int = MAX_BODY) -> Message:
    """`text` is None for a binary frame. Raises `SocketClosed`."""
    if text is None:
        raise SocketClosed(CloseCode.BAD_REQUEST, "Messages are texts")
    if len(text) > most:
        raise SocketClosed(CloseCode.TOO_LARGE, f"A message is larger than {most} bytes")
    try:
        message: Message = msgspec.convert(read_json(text), _OfClients)
    except (msgspec.ValidationError, RequestRefused) as error:
        raise SocketClosed(CloseCode.BAD_REQUEST, f"Invalid message: {error}") from error
    if isinstance(message, Ping | Pong) and len(text) > MAX_PING:
        raise SocketClosed(CloseCode.TOO_LARGE, f"A ping or pong is larger than {MAX_PING} bytes")
    return message
