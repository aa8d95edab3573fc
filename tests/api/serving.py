"""An application on a real loopback socket as `weft serve` has it, for what only sockets show: streams, back-pressure, disconnects."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp

from weft.connection_bound import ConnectionBound
from weft.listening import bound_what_peers_hold
from weft.serve import server_config


@asynccontextmanager
async def served(app: ASGIApp, bound: ConnectionBound | None = None) -> AsyncIterator[str]:
    """Gives `127.0.0.1:port`."""
    config = server_config(app, bound)
    server = uvicorn.Server(config)
    config.timeout_graceful_shutdown = 1
    listener = socket.create_server(("127.0.0.1", 0))
    bound_what_peers_hold(listener)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        assert not serving.done(), "the server did not start"
        await asyncio.sleep(0.001)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
