"""Many sockets in one process, which does little for each message: looks for the time in it, and counts."""

import asyncio
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import quantiles
from typing import Any

from benchmarks.answering import answer, run
from benchmarks.lean_socket import LeanSocket
from benchmarks.subscription import messages

_AT = re.compile(rb'"at":(\d{9,})')
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

    def opened(self) -> None:
        self.ready += 1

    def message(self, text: bytes) -> None:
        found = _AT.search(text)
        if found:
            self.delays.append(time.perf_counter_ns() - int(found[1]))
            self.last = text

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # a look now and then disturbs less than an event for each message
                await asyncio.sleep(0.01)


class Crowd:
    def __init__(self, host: str) -> None:
        self._host = host
        self._arrivals = Arrivals()
        self._members: list[LeanSocket] = []

    async def open(self, port: int, count: int, execution: str | None) -> None:
        """Subscribes to the execution's events, if there is one."""
        first = [] if execution is None else messages(EVENTS, id=execution)
        loop = asyncio.get_running_loop()
        wanted = self._arrivals.ready + count
        make = partial(LeanSocket, "/graphql", first, self._arrivals.opened, self._arrivals.message)
        for start in range(0, count, 100):
            opening = (loop.create_connection(make, self._host, port) for _ in range(min(100, count - start)))
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


async def main(host: str) -> None:
    crowd = Crowd(host)
    commands = {
        "open": crowd.open,
        "received": crowd.received,
        "stop_reading": crowd.stop_reading,
        "close": crowd.close,
    }
    await answer(commands)


if __name__ == "__main__":
    run(main(sys.argv[1]))
