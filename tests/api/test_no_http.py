"""What comes to the port and is no HTTP."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from tests.api.probe import probe_app
from tests.api.roles import RoleRuntime
from tests.api.serving import served
from tests.patience import PATIENCE_SECONDS
from weft.logs import configure_logging


async def said(address: str, sent: bytes) -> bytes:
    """All that the server says until it ends the connection."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await reader.read()
            writer.write(b"\x00" * 100)
            await writer.drain()
            return answer
    finally:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"HELO weft\r\n",
        b"GET /graphql HTTP/9.9\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nhost: weft\r\ncontent-length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_refused_as_everything_else_is_and_the_connection_ends(sent: bytes) -> None:
    async with served(probe_app(RoleRuntime(local=False))) as address:
        head, _, body = (await said(address, sent)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"content-type: application/json; charset=utf-8" in head
        (error,) = json.loads(body)["errors"]
        assert error["extensions"] == {"code": "BAD_REQUEST"}


@pytest.fixture
def restored() -> Iterator[None]:
    root, server = logging.getLogger(), logging.getLogger("uvicorn.error")
    kept = root.handlers[:], root.level, server.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], level, server.level = kept
    root.setLevel(level)


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(("level", "lines"), [("INFO", 0), ("DEBUG", 3)])
async def test_nobody_fills_the_log_with_what_is_no_http(level: str, lines: int) -> None:
    stream = io.StringIO()
    async with served(probe_app(RoleRuntime(local=False))) as address:
        configure_logging("console", level, stream=stream)
        for _ in range(3):
            await said(address, b"HELO weft\r\n")
    assert stream.getvalue().count("Invalid HTTP request") == lines
