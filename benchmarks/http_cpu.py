"""What one request costs a server, against a plain route."""

from collections.abc import Awaitable, Callable
from statistics import median

import psutil

from benchmarks.http_connection import HttpConnection
from benchmarks.results import Goal, Row, ratio

Ask = Callable[[HttpConnection], Awaitable[object]]
_TIMES = 10
"""As many requests to the plain route: the kernel counts CPU in hundredths of a second."""


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
    """A process and its port each. The first round warms up."""
    our_times, plain_times = [], []
    for _ in range(rounds + 1):
        our_times.append(await _cpu(*ours, ask, requests))
        plain_times.append(await _cpu(*plain, lambda to: to.get("/"), requests * _TIMES))
    del our_times[0], plain_times[0]
    return Row(
        what=f"{what}, CPU of the server",
        ours=f"{median(our_times) * 1e3:.2f} ms",
        against="Starlette route, the same bytes by orjson",
        theirs=f"{median(plain_times) * 1e3:.2f} ms",
        number=ratio(our_times, plain_times),
        goal=goal,
    )


async def _cpu(process: psutil.Process, port: int, ask: Ask, count: int) -> float:
    """CPU seconds of the server for one request."""
    connection = await HttpConnection.open("127.0.0.1", port)
    before = process.cpu_times()
    for _ in range(count):
        await ask(connection)
    after = process.cpu_times()
    await connection.close()
    return float(after.user + after.system - before.user - before.system) / count
