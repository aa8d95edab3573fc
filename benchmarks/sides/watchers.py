"""Watches executions of `timed-5`, each by many at once, and tells how long after the end of a step its event arrived. With a host and a
port as arguments over WebSockets, one for each subscriber; without, in the process of the engine.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import workflows
from benchmarks.answering import answer, run
from benchmarks.caller import CALLER, save_workflow
from benchmarks.http_connection import HttpConnection, request
from benchmarks.sides.client import CREATE
from benchmarks.subscription import subscribed
from engine.bootstrap import open_engine
from engine.domain.events import StepSucceeded
from engine.settings import Settings
from engine.usecases.services import Services
from engine.usecases.signal_execution import signal_execution
from engine.usecases.start_execution import StartExecution, start_execution
from engine.usecases.watch_execution import watch_execution

STEPS = 5
NAME = f"timed-{STEPS}"
START = "mutation($input: StartExecutionInput!) { startExecution(input: $input) { execution { id } } }"
SIGNAL = "mutation($input: SignalExecutionInput!) { signalExecution(input: $input) { errors { message } } }"
EVENTS = """
    subscription($id: ID!) { executionEvents(executionId: $id) {
      __typename seq ... on StepSucceeded { stepId output }
    } }
"""

Watched = Callable[[int], Awaitable[list[int]]]


class Delays:
    """Of one subscriber to one execution, in nanoseconds."""

    def __init__(self) -> None:
        self.listening = asyncio.Event()
        self.ended = asyncio.Event()
        self.taken: list[int] = []

    def event(self, kind: str, output: Any) -> None:
        if kind == "StepWaiting":
            self.listening.set()
        elif kind == "StepSucceeded" and isinstance(output, int):
            self.taken.append(time.perf_counter_ns() - output)
        elif kind == "ExecutionSucceeded":
            self.ended.set()


async def _delays(
    subscribers: int, watch: Callable[[Delays], Awaitable[None]], go: Callable[[], Awaitable[object]]
) -> list[int]:
    """Of all subscribers, who all see the execution wait before it goes on."""
    delays = [Delays() for _ in range(subscribers)]
    for each in delays:
        await watch(each)
    for each in delays:
        await each.listening.wait()
    await go()
    for each in delays:
        await each.ended.wait()
        assert len(each.taken) == STEPS
    return [taken for each in delays for taken in each.taken]


async def _in_process(services: Services, subscribers: int) -> list[int]:
    view = await start_execution(services, CALLER, StartExecution(workflow=NAME))
    execution_id = view.state.id

    async def follow(delays: Delays) -> None:
        async for entry in watch_execution(services, CALLER, execution_id, after=0, ephemeral=True):
            output = entry.event.output if isinstance(entry.event, StepSucceeded) else None
            delays.event(type(entry.event).__name__, output)

    async with asyncio.TaskGroup() as group:

        async def watch(delays: Delays) -> None:
            group.create_task(follow(delays))

        go = partial(
            signal_execution, services, CALLER, execution_id, name=workflows.GO, payload=None, idempotency_key=None
        )
        return await _delays(subscribers, watch, go)


async def _over_sockets(host: str, port: int, subscribers: int) -> list[int]:
    async with AsyncExitStack() as stack:
        connection = await HttpConnection.open(host, port)
        stack.push_async_callback(connection.close)
        started = await connection.graphql(request(START, input={"workflow": NAME}))
        execution_id = started["startExecution"]["execution"]["id"]

        async def watch(delays: Delays) -> None:
            def told(data: Any) -> None:
                event = data["executionEvents"]
                delays.event(event["__typename"], event.get("output"))

            await stack.enter_async_context(subscribed(host, port, EVENTS, told, id=execution_id))

        go = partial(connection.graphql, request(SIGNAL, input={"id": execution_id, "name": workflows.GO}))
        return await _delays(subscribers, watch, go)


@asynccontextmanager
async def _watched(arguments: list[str]) -> AsyncIterator[Watched]:
    if arguments:
        host, port = arguments[0], int(arguments[1])
        connection = await HttpConnection.open(host, port)
        given = {"definition": workflows.timed(STEPS), "activate": True}
        await connection.graphql(request(CREATE, input=given))
        await connection.close()
        yield partial(_over_sockets, host, port)
        return
    with tempfile.TemporaryDirectory() as directory:
        async with open_engine(Settings(data_dir=Path(directory), modules=(workflows.MODULE,))) as engine:
            await save_workflow(engine.services, workflows.timed(STEPS))
            yield partial(_in_process, engine.services)


async def main(arguments: list[str]) -> None:
    async with _watched(arguments) as watched:

        async def delays(subscribers: int, count: int) -> list[int]:
            return [delay for _ in range(count) for delay in await watched(subscribers)]

        await answer({"delays": delays})


if __name__ == "__main__":
    run(main(sys.argv[1:]))
