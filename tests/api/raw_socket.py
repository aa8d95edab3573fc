"""A WebSocket client made by hand: what no well-behaved library sends, and as little reading as one likes."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.patience import PATIENCE_SECONDS

HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
TEXT, BINARY, CLOSE, CONTINUATION = 1, 2, 8, 0


def frame(payload: bytes, opcode: int = TEXT, *, last: bool = True) -> bytes:
    size = len(payload)
    head = bytes([opcode | (0x80 if last else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + size.to_bytes(8, "big")
    mask = os.urandom(4)
    repeated = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")
    return head + mask + masked


class RawSocket:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *texts: str) -> None:
        """All in one piece."""
        await self.send_bytes(b"".join(frame(text.encode()) for text in texts))

    async def send_bytes(self, sent: bytes) -> None:
        self.writer.write(sent)
        await self.writer.drain()

    async def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await self.reader.readexactly(8), "big")
            return first & 0x0F, await self.reader.readexactly(size)

    async def closed(self) -> int:
        """The code of the close frame that comes, whatever comes before."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")

    async def ended(self) -> None:
        """The connection is gone, not only the protocol's."""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await self.reader.read(65536):
                    pass


@asynccontextmanager
async def raw_socket(address: str, *, receive_buffer: int = 1 << 16, begun: bool = True) -> AsyncIterator[RawSocket]:
    """`receive_buffer` bytes are read ahead of the test, and no more than 64 KB wait in the kernel."""
    host, port = address.split(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, max(receive_buffer, 1 << 16))
    raw.setblocking(False)  # noqa: FBT003 # it takes no keyword
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=raw, limit=receive_buffer)
    try:
        writer.write(HANDSHAKE.format(address=address).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        client = RawSocket(reader, writer)
        if begun:
            await client.send('{"type":"connection_init"}')
            assert await client.receive() == (TEXT, b'{"type":"connection_ack"}')
        yield client
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
