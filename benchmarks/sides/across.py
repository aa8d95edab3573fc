"""A client of two replicas, whose hosts and ports are its arguments: starts and signals executions at the first, and watches them
through WebSockets of the second. All moments are nanoseconds on the clock that the machine's processes share.
"""

import asyncio
import sys
import time
from typing import Any

from benchmarks import workflows
from benchmarks.answering import answer, run
from benchmarks.http_connection import HttpConnection, request
from benchmarks.sides.client import CREATE, ENDED, Executions
from benchmarks.sides.watchers import EVENTS, SIGNAL, START
from benchmarks.subscription import subscribed

MOMENT, WAITING = "moment", "timed-1"
_BY_A_WORKER = ("StepStarted", "ExecutionSucceeded")
"""What is behind a signal and not of the commit that took it, which is the API's."""
_LISTENING_SECONDS = 0.5


class Watched:
    """One execution of `timed-1`, as it is seen."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()
        self.ended = asyncio.Event()
        self.began = 0
        """When the step behind the signal did."""
        self.seen: list[tuple[int, int]] = []
        """The seq of what a worker wrote after the signal, and when it was told."""

    def told(self, data: Any) -> None:
        event = data["executionEvents"]
        kind = event["__typename"]
        if self.waits.is_set() and kind in _BY_A_WORKER:
            self.seen.append((event["seq"], time.perf_counter_ns()))
        if kind == "StepWaiting":
            self.waits.set()
        elif kind == "StepSucceeded" and isinstance(event["output"], int):
            self.began = event["output"]
        elif kind == "ExecutionSucceeded":
            self.ended.set()


class Client:
    def __init__(self, first: HttpConnection, second: tuple[str, int], ends: Executions) -> None:
        self._first = first
        self._second = second
        self._ends = ends

    async def prepare(self) -> None:
        """Until the subscription tells of ends."""
        for definition in (workflows.moment(), workflows.timed(1)):
            await self._first.graphql(request(CREATE, input={"definition": definition, "activate": True}))
        while True:
            end = self._ends.end_of(await self._start(MOMENT))
            done, _ = await asyncio.wait([end], timeout=_LISTENING_SECONDS)
            if done:
                return

    async def claim(self) -> int:
        """From the answer to a start until the first step began."""
        execution_id = await self._start(MOMENT)
        answered = time.perf_counter_ns()
        return int(await self._ends.output(execution_id)) - answered

    async def wake_up(self) -> dict[str, Any]:
        """From the answer to a signal until the step behind it began (`taken`); and what was `seen` of it."""
        execution_id = await self._start(WAITING)
        watched = Watched()
        async with subscribed(*self._second, EVENTS, watched.told, id=execution_id):
            await watched.waits.wait()
            await self._first.graphql(request(SIGNAL, input={"id": execution_id, "name": workflows.GO}))
            answered = time.perf_counter_ns()
            await watched.ended.wait()
        return {"execution": execution_id, "taken": watched.began - answered, "seen": watched.seen}

    async def _start(self, workflow: str) -> str:
        data = await self._first.graphql(request(START, input={"workflow": workflow}))
        return str(data["startExecution"]["execution"]["id"])


async def main(first: tuple[str, int], second: tuple[str, int]) -> None:
    ends = Executions()
    connection = await HttpConnection.open(*first)
    client = Client(connection, second, ends)

    async def claims(count: int) -> list[int]:
        return [await client.claim() for _ in range(count)]

    async def wake_ups(count: int) -> list[dict[str, Any]]:
        return [await client.wake_up() for _ in range(count)]

    async with subscribed(*second, ENDED, ends.ended, filter={"workflow": MOMENT, "status": ["SUCCEEDED", "FAILED"]}):
        await client.prepare()
        await answer({"claims": claims, "wake_ups": wake_ups})
    await connection.close()


if __name__ == "__main__":
    run(main((sys.argv[1], int(sys.argv[2])), (sys.argv[3], int(sys.argv[4]))))
