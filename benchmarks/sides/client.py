"""A client of the server whose host and port are its arguments: starts executions by mutation over HTTP, and learns of their end from
one `executionUpdated` subscription over a WebSocket.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks import workflows
from benchmarks.answering import answer, run
from benchmarks.http_connection import HttpConnection, request
from benchmarks.load import alone, throughput
from benchmarks.subscription import subscribed

CREATE = "mutation($input: CreateWorkflowInput!) { createWorkflow(input: $input) { errors { message } } }"
START = (
    "mutation($input: StartExecutionInput!) { startExecution(input: $input) { execution { id } errors { message } } }"
)
ENDED = """
    subscription($filter: ExecutionFilter!) { executionUpdated(filter: $filter) { id status output } }
"""
STEPS = 3
_LISTENING_SECONDS = 0.2


class Executions:
    """Those that were started and have not ended."""

    def __init__(self) -> None:
        self._ends: dict[str, asyncio.Future[Any]] = {}

    def end_of(self, execution_id: str) -> asyncio.Future[Any]:
        """Of one that may have ended before its start was answered."""
        return self._ends.setdefault(execution_id, asyncio.get_running_loop().create_future())

    def ended(self, data: Any) -> None:
        execution = data["executionUpdated"]
        end = self.end_of(execution["id"])
        if not end.done():
            end.set_result(execution)

    async def output(self, execution_id: str) -> Any:
        execution = await self.end_of(execution_id)
        del self._ends[execution_id]
        assert execution["status"] == "SUCCEEDED", execution
        return execution["output"]


class Client:
    """Each request takes a free connection."""

    def __init__(self, executions: Executions, connections: list[HttpConnection]) -> None:
        self._executions = executions
        self._free = connections

    async def create(self, definition: dict[str, Any]) -> None:
        given = {"definition": definition, "activate": True}
        payload = (await self._send(request(CREATE, input=given)))["createWorkflow"]
        assert payload["errors"] == [], payload

    async def start(self, number: int) -> str:
        given = {"workflow": f"chain-{STEPS}", "input": {"n": number}}
        payload = (await self._send(request(START, input=given)))["startExecution"]
        assert payload["errors"] == [], payload
        return str(payload["execution"]["id"])

    async def once(self, number: int) -> None:
        assert await self._executions.output(await self.start(number)) == number + STEPS

    async def until_listening(self) -> None:
        """A subscription is not acknowledged: it is there when it tells something."""
        while True:
            end = self._executions.end_of(await self.start(0))
            done, _ = await asyncio.wait([end], timeout=_LISTENING_SECONDS)
            if done:
                return

    async def _send(self, body: bytes) -> Any:
        connection = self._free.pop()
        try:
            return await connection.graphql(body)
        finally:
            self._free.append(connection)


async def main(host: str, port: int) -> None:
    executions = Executions()

    @asynccontextmanager
    async def connected(connections: int) -> AsyncIterator[Client]:
        """For one command: the server closes what is idle while the other side is asked."""
        opened = [await HttpConnection.open(host, port) for _ in range(connections)]
        yield Client(executions, opened)
        for connection in opened:
            await connection.close()

    async def many(count: int, in_flight: int) -> dict[str, Any]:
        async with connected(in_flight) as client:
            return await throughput(client.once, count=count, in_flight=in_flight)

    async def single(count: int) -> dict[str, Any]:
        async with connected(1) as client:
            return await alone(client.once, count=count)

    asked = {"workflow": f"chain-{STEPS}", "status": ["SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT"]}
    async with subscribed(host, port, ENDED, executions.ended, filter=asked):
        async with connected(1) as client:
            await client.create(workflows.chain(STEPS))
            await client.until_listening()
        await answer({"many": many, "single": single})


if __name__ == "__main__":
    run(main(sys.argv[1], int(sys.argv[2])))
