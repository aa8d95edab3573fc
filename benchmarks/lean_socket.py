"""A WebSocket client that does little for each message, so that many of them in one process measure the server and not themselves."""

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

OnText = Callable[[bytes], None]
PING, PONG = b'{"type":"ping"}', b'{"type":"pong"}'
_HANDSHAKE = (
    b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


class LeanSocket(asyncio.Protocol):
    """Sends `first` when it is open, calls `on_open`, and `on_text` with each message but pings, which it answers. Of frames it knows what
    a server of ours sends: whole texts, unmasked.
    """

    def __init__(self, path: str, first: Sequence[bytes], on_open: Callable[[], None], on_text: OnText) -> None:
        self._path = path
        self._first = first
        self._on_open = on_open
        self._on_text = on_text
        self._buffer = b""
        self._open = False
        self.transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(_HANDSHAKE % self._path.encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._buffer = rest
            self._open = True
            for message in self._first:
                self.send(message)
            self._on_open()
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, head_size = buffer[at + 1], 2
            if size == 126:
                size, head_size = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head_size = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            end_at = at + head_size + size
            if len(buffer) < end_at:
                break
            text = buffer[at + head_size : end_at]
            if text == PING:
                self.send(PONG)
            else:
                self._on_text(text)
            at = end_at
        self._buffer = buffer[at:]

    def send(self, text: bytes) -> None:
        """Masked with zeros, which is a mask. At most 64 KB."""
        size = len(text)
        head = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0x80 | 126]) + size.to_bytes(2, "big")
        self.transport.write(head + b"\0\0\0\0" + text)
