"""What one request costs a server, against a plain route."""

import time
from collections.abc import Awaitable, Callable
from statistics import median

import psutil

from benchmarks.http_connection import HttpConnection
from benchmarks.results import Goal, Row, ratio

Ask = Callable[[HttpConnection], Awaitable[object]]
_AT_A_TIME = 25
"""Requests to one side before it is the other's turn again: what disturbs the machine for a while disturbs both alike."""


async def against_plain(
    what: str,
    ours: tuple[psutil.Process, int],
    plain: tuple[psutil.Process, int],
    ask: Ask,
    *,
    rounds: int,
    requests: int,
    goal: Goal,
) -> Row:
    """A process and its port each; both are sent the same requests. The first round warms up."""
    sides = (_Side(*ours, ask), _Side(*plain, ask))
    our_times, plain_times = [], []
    for _ in range(rounds + 1):
        for side in sides:
            await side.connect()
        for _ in range(max(1, requests // _AT_A_TIME)):
            for side in sides:
                await side.ask(_AT_A_TIME)
        for side, times in zip(sides, (our_times, plain_times), strict=True):
            times.append(await side.seconds_for_one())
    del our_times[0], plain_times[0]
    return Row(
        what=f"{what}, CPU of the server",
        ours=f"{median(our_times) * 1e3:.2f} ms",
        against="Starlette route, the same bytes in and out by orjson",
        theirs=f"{median(plain_times) * 1e3:.2f} ms",
        number=ratio(our_times, plain_times),
        goal=goal,
    )


class _Side:
    """A server that is asked over one connection in each round."""

    def __init__(self, process: psutil.Process, port: int, ask: Ask) -> None:
        # The clock of another process's CPU time, as clock_getcpuclockid(3) makes it: exact, where /proc counts hundredths.
        self._clock = (~process.pid << 3) | 2
        self._port = port
        self._ask = ask

    async def connect(self) -> None:
        self._connection = await HttpConnection.open("127.0.0.1", self._port)
        self._asked, self._seconds = 0, 0.0

    async def ask(self, count: int) -> None:
        before = time.clock_gettime(self._clock)
        for _ in range(count):
            await self._ask(self._connection)
        self._seconds += time.clock_gettime(self._clock) - before
        self._asked += count

    async def seconds_for_one(self) -> float:
        await self._connection.close()
        return self._seconds / self._asked
