"""Runs a piece of work many times over and says what it took."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

Once = Callable[[int], Awaitable[None]]


async def throughput(once: Once, *, count: int, in_flight: int) -> dict[str, Any]:
    """`seconds` until all are done, never more than `in_flight` at a time, and the process' CPU seconds, all threads."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await once(number)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}


async def alone(once: Once, *, count: int) -> dict[str, Any]:
    """The median `seconds` of one, with nothing beside it."""
    taken = []
    for number in range(count):
        started = time.perf_counter()
        await once(number)
        taken.append(time.perf_counter() - started)
    return {"seconds": median(taken)}
