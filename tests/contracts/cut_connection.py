"""A TCP relay that a test cuts: what is behind it cannot be reached until it is mended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class CutConnection:
    """`address` is where to connect to instead of the server's own."""

    def __init__(self, host: str, port: int) -> None:
        self._behind = (host, port)
        self._streams: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None] | None] = set()
        self._whole = True
        self.address = ""

    def cut(self) -> None:
        self._whole = False
        for stream in self._streams:
            stream.transport.abort()

    def mend(self) -> None:
        self._whole = True

    async def close(self) -> None:
        self.cut()
        await asyncio.gather(*filter(None, self._relays))

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        self._relays.add(asyncio.current_task())
        far_reader, far_writer = await asyncio.open_connection(*self._behind)
        self._streams |= {writer, far_writer}
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            self._streams -= {writer, far_writer}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def cut_connection(address: str) -> AsyncIterator[CutConnection]:
    host, _, port = address.rpartition(":")
    connection = CutConnection(host, int(port))
    server = await asyncio.start_server(connection.relay, "127.0.0.1", 0)
    connection.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield connection
    finally:
        server.close()
        await connection.close()
