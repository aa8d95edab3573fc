"""HTTP/1.1 on one kept-alive connection, with as little work as can be: a client must not be what is measured."""

import asyncio
from typing import Any, Self

import orjson

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


class HttpConnection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        return cls(*await asyncio.open_connection(host, port, limit=2**24), f"{host}:{port}")

    async def get(self, path: str) -> bytes:
        return await self._send(f"GET {path} HTTP/1.1\r\nhost: {self._host}\r\n\r\n".encode())

    async def graphql(self, request: bytes) -> Any:
        """`data` of a response without errors; `request` is the JSON of the request."""
        head = (
            f"POST /graphql HTTP/1.1\r\nhost: {self._host}\r\ncontent-type: application/json\r\n"
            f"accept: application/graphql-response+json\r\ncontent-length: {len(request)}\r\n\r\n"
        )
        answer = orjson.loads(await self._send(head.encode() + request))
        assert "errors" not in answer, answer
        return answer["data"]

    async def _send(self, request: bytes) -> bytes:
        self._writer.write(request)
        head = (await self._reader.readuntil(_END_OF_HEAD)).lower()
        length = head.partition(_LENGTH)[2].partition(b"\r\n")[0]
        return await self._reader.readexactly(int(length))

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def request(document: str, **variables: Any) -> bytes:
    return orjson.dumps({"query": document, "variables": variables})
