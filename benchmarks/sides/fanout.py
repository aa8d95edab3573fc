"""A server as `weft serve` has it, whose events come as fast as they are asked for; and beside it, in the same process, the least that
an ASGI application can do on uvicorn as it is: the same text, sent to each of its sockets in turn.
"""

import asyncio
import gc
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
import psutil
import uvicorn
from starlette.types import Receive, Scope, Send

from benchmarks.answering import answer, run
from benchmarks.caller import CALLER, save_workflow
from benchmarks.workflows import MODULE, timed
from engine.bootstrap import Engine, open_engine
from engine.domain.events import StepProgressed
from engine.settings import Settings
from engine.usecases.start_execution import StartExecution, start_execution
from graphql_api.app import create_app
from weft.ending_streams import EndingStreams
from weft.listening import listen
from weft.serve import LocalRuntime, server_config


class RawSockets:
    """An ASGI application that only listens for its clients' end."""

    def __init__(self) -> None:
        self.sends: list[Send] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
        self.sends.append(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self.sends.remove(send)

    async def tell(self, text: str) -> None:
        for send in self.sends:
            await send({"type": "websocket.send", "text": text})


class Events:
    """Of one execution that waits for ever: progress that says when it was made, and carries `padding` characters."""

    def __init__(self, engine: Engine) -> None:
        self._journal = engine.services.journal
        self._services = engine.services

    async def begin(self) -> str:
        await save_workflow(self._services, timed(1))
        view = await start_execution(self._services, CALLER, StartExecution(workflow="timed-1"))
        self._stored = await self._journal.load(CALLER.tenant, view.state.id)
        return view.state.id

    async def tell(self, text: str) -> None:
        at = self._services.clock()
        event = StepProgressed(at=at, step_id="wait", data={"at": time.perf_counter_ns(), "padding": text})
        self._journal.publish_live(self._stored, [event])


async def main() -> None:
    raw = RawSockets()
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(data_dir=Path(directory), modules=(MODULE,), port=0)
        async with open_engine(settings) as engine:
            await _serve(settings, engine, raw)


async def _serve(settings: Settings, engine: Engine, raw: RawSockets) -> None:
    events = Events(engine)
    execution_id = await events.begin()
    ours, theirs = listen(settings), listen(settings)
    app = EndingStreams(create_app(LocalRuntime(services=engine.services)), asyncio.Event())
    plain = server_config(raw)
    plain.ws = "websockets-sansio"
    servers = [(uvicorn.Server(server_config(app)), ours), (uvicorn.Server(plain), theirs)]
    serving = [asyncio.create_task(server.serve(sockets=[listener])) for server, listener in servers]
    process = psutil.Process()

    async def address() -> dict[str, Any]:
        ports = {"port": ours.getsockname()[1], "raw_port": theirs.getsockname()[1]}
        return {**ports, "execution": execution_id}

    async def tell(count: int, every_seconds: float, padding: int) -> float:
        """The CPU time that it took, in seconds, all threads."""
        text, began = "x" * padding, time.process_time()
        return await _paced(count, every_seconds, lambda: events.tell(text)) - began

    async def tell_raw(count: int, every_seconds: float, frame: str) -> float:
        """The same, of the frame: its time is made anew."""
        message = orjson.loads(frame)
        data = message["payload"]["data"]["executionEvents"]["data"]

        async def once() -> None:
            data["at"] = time.perf_counter_ns()
            await raw.tell(orjson.dumps(message).decode())

        began = time.process_time()
        return await _paced(count, every_seconds, once) - began

    async def resident() -> int:
        gc.collect()
        return int(process.memory_info().rss)

    await answer({"address": address, "tell": tell, "tell_raw": tell_raw, "resident": resident})
    for server, _ in servers:
        server.should_exit = True
    await asyncio.gather(*serving)


async def _paced(count: int, every_seconds: float, once: Any) -> float:
    """The process' CPU time when all is on its way."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(count):
        await asyncio.sleep(max(0.0, started + number * every_seconds - loop.time()))
        await once()
    await asyncio.sleep(every_seconds)
    return time.process_time()


if __name__ == "__main__":
    run(main())
