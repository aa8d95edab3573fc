"""The server's side of WebSockets: uvicorn's, with a short way for what is sent most, and little for those whom nobody knows yet."""

import asyncio
from typing import Any

from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from graphql_api.transports.socket_messages import ACKNOWLEDGED, MAX_BEFORE_ACK

MOST_FRAMES = 1_000
"""Of one message. Those of libraries have one, or some for each buffer of 16 KB or more."""
_TEXT = 0x81
"""The first byte of a frame that is a whole text."""
_MOST_IN_ONE_BYTE, _MOST_IN_TWO_BYTES = 125, 65_535


class QuickWebSocket(WebSocketsSansIOProtocol):
    """A text that can be sent at once, as a whole and uncompressed, is a header and the text: that saves a third of what uvicorn takes for
    it, and the same event goes to hundreds of sockets. Everything else goes uvicorn's way, which also knows all that may be wrong.

    What comes in is refused by the size that a frame announces, before it is kept: `MAX_BEFORE_ACK` until the application says
    `ACKNOWLEDGED`, by an event of that type; `ws_max_size` from then on.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        most = min(MAX_BEFORE_ACK, config.ws_max_size)
        self.conn = _BoundedFrames(extensions=self.conn.available_extensions, max_size=most, logger=self.conn.logger)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # what is no handshake is answered already
            self.scope["extensions"][ACKNOWLEDGED] = {}

    async def send(self, message: ASGISendEvent) -> None:
        text = message.get("text")
        if message["type"] == ACKNOWLEDGED:
            self.conn.max_message_size = self.config.ws_max_size
        elif (
            isinstance(text, str)
            and self.writable.is_set()
            and self.conn.state is State.OPEN
            and not self.close_sent
            and not self.disconnected
            and not self.conn.extensions
        ):
            self.transport.write(text_frame(text.encode()))
        else:
            await super().send(message)


class _BoundedFrames(ServerProtocol):
    """A frame without content has no size, and takes memory all the same."""

    _frames = 0

    def recv_frame(self, frame: Frame) -> None:
        super().recv_frame(frame)
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._frames = 1
        elif frame.opcode is Opcode.CONT:
            self._frames += 1
            if self._frames > MOST_FRAMES:
                raise _TooManyFrames


class _TooManyFrames(PayloadTooBig):
    """Closes the socket as what is too large does."""

    def __init__(self) -> None:
        super().__init__(None, MOST_FRAMES)

    def __str__(self) -> str:
        return f"a message has at most {MOST_FRAMES:,} frames"


def text_frame(text: bytes) -> bytes:
    """By RFC 6455, from a server."""
    size = len(text)
    if size <= _MOST_IN_ONE_BYTE:
        return bytes((_TEXT, size)) + text
    if size <= _MOST_IN_TWO_BYTES:
        return bytes((_TEXT, 126)) + size.to_bytes(2, "big") + text
    return bytes((_TEXT, 127)) + size.to_bytes(8, "big") + text
