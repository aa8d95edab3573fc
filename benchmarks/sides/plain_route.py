"""The least that a Starlette server can do: one route that reads its request and returns what it was given, by orjson each time."""

from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.answering import answer, run


async def main() -> None:
    given: dict[str, Any] = {}

    async def listed(request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(orjson.dumps(given["content"]), media_type="application/json")

    server = server_of(Starlette(routes=[Route("/graphql", listed, methods=["POST"])]))
    await server.startup()

    async def give(content: Any) -> int:
        """The port at which it is returned."""
        given["content"] = content
        port: int = server.servers[0].sockets[0].getsockname()[1]
        return port

    await answer({"give": give})
    await server.shutdown()


def server_of(app: Starlette) -> uvicorn.Server:
    """As `weft serve` has it."""
    config = uvicorn.Config(
        app, port=0, http="httptools", lifespan="off", log_config=None, access_log=False, server_header=False
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    return server


if __name__ == "__main__":
    run(main())
