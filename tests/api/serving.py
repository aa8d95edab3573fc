"""An application on a real loopback socket as `weft serve` has it, for what only sockets show: streams, back-pressure, disconnects."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from weft.connection_bound import ConnectionBound
from weft.listening import bound_what_peers_hold
from weft.serve import server_config

CLOSED_WITHIN_SECONDS = 1.0


@asynccontextmanager
async def served(app: ASGIApp, bound: ConnectionBound | None = None) -> AsyncIterator[str]:
    """Gives `127.0.0.1:port`."""
    config = server_config(app, bound)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    listener = socket.create_server(("127.0.0.1", 0))
    bound_what_peers_hold(listener)
    await server.startup(sockets=[listener])
    try:
        await server.on_tick(0)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for each in server.servers:
            each.close()
        listener.close()
        await _closed(server)


async def _closed(server: uvicorn.Server) -> None:
    """As `Server.shutdown` does it, which takes 0.2 s though there be nothing to close."""
    state = server.server_state
    for connection in list(state.connections):
        connection.shutdown()
    end = time.monotonic() + CLOSED_WITHIN_SECONDS
    while (state.connections or state.tasks) and time.monotonic() < end:
        await asyncio.sleep(0.001)
    for task in list(state.tasks):
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
