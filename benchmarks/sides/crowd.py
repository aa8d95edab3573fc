"""Many sockets in one process, which does little for each message: looks for the time in it, and counts."""

import asyncio
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import quantiles
from typing import Any, cast

import orjson

from benchmarks.answering import answer, run

_AT = re.compile(rb'"at":(\d{9,})')
_HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
EVENTS = """
    subscription($id: ID!) { executionEvents(executionId: $id) {
      __typename seq at ... on StepProgressed { stepId message fraction data }
    } }
"""


class Arrivals:
    """Of all sockets: how long each message was under way, in nanoseconds."""

    def __init__(self) -> None:
        self.delays: list[int] = []
        self.last = b""
        self.ready = 0

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 # a look now and then disturbs less than an event for each message
                await asyncio.sleep(0.01)


class Member(asyncio.Protocol):
    def __init__(self, arrivals: Arrivals, path: str, first: list[bytes]) -> None:
        self._arrivals = arrivals
        self._path = path
        self._first = first
        self._buffer = b""
        self._open = False
        self.transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(_HANDSHAKE % self._path.encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            head, end, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._open = True
            self._arrivals.ready += 1
            for message in self._first:
                self.transport.write(_frame(message))
        now = time.perf_counter_ns()
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, head_size = buffer[at + 1], 2
            if size == 126:
                size, head_size = int.from_bytes(buffer[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head_size = int.from_bytes(buffer[at + 2 : at + 10], "big"), 10
            if len(buffer) - at < head_size + size:
                break
            self._message(buffer[at + head_size : at + head_size + size], now)
            at += head_size + size
        self._buffer = buffer[at:]

    def _message(self, message: bytes, now: int) -> None:
        found = _AT.search(message)
        if found:
            self._arrivals.delays.append(now - int(found[1]))
            self._arrivals.last = message
        elif message == b'{"type":"ping"}':
            self.transport.write(_frame(b'{"type":"pong"}'))


def _frame(payload: bytes) -> bytes:
    """Masked with zeros, which is a mask."""
    size = len(payload)
    head = bytes([0x81, 0x80 | size]) if size < 126 else bytes([0x81, 0x80 | 126]) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


class Crowd:
    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._arrivals = Arrivals()
        self._members: list[Member] = []

    async def open(self, path: str, count: int, execution: str | None) -> None:
        first = []
        if execution is not None:
            payload = {"query": EVENTS, "variables": {"id": execution}}
            subscribe = {"id": "1", "type": "subscribe", "payload": payload}
            first = [b'{"type":"connection_init"}', orjson.dumps(subscribe)]
        loop = asyncio.get_running_loop()
        wanted = self._arrivals.ready + count
        make = partial(Member, self._arrivals, path, first)
        for start in range(0, count, 100):
            opening = (loop.create_connection(make, self._host, self._port) for _ in range(min(100, count - start)))
            self._members += [member for _, member in await asyncio.gather(*opening)]
        await self._arrivals.until(lambda: self._arrivals.ready >= wanted)

    async def received(self, count: int) -> dict[str, Any]:
        """Of what came since the last time, once `count` messages have arrived: the delay that 99 of 100 stayed within, in milliseconds,
        and the last message.
        """
        await self._arrivals.until(lambda: len(self._arrivals.delays) >= count)
        delays, self._arrivals.delays = self._arrivals.delays, []
        return {"p99": quantiles(delays, n=100)[98] / 1e6, "last": self._arrivals.last.decode()}

    async def stop_reading(self, count: int) -> None:
        for member in self._members[:count]:
            member.transport.pause_reading()

    async def close(self) -> None:
        for member in self._members:
            member.transport.abort()
        self._members.clear()


async def main(host: str, port: int) -> None:
    crowd = Crowd(host, port)
    commands = {
        "open": crowd.open,
        "received": crowd.received,
        "stop_reading": crowd.stop_reading,
        "close": crowd.close,
    }
    await answer(commands)


if __name__ == "__main__":
    run(main(sys.argv[1], int(sys.argv[2])))
