"""The least that a Starlette server can do: one route that returns a list, encoded by orjson for each request. Its content is read from
the file that is its argument, its port is printed by `listening`.
"""

import sys
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.answering import answer, run


async def main(content: Path) -> None:
    data = orjson.loads(content.read_bytes())

    async def listed(request: Request) -> Response:
        del request
        return Response(orjson.dumps(data), media_type="application/json")

    config = uvicorn.Config(
        Starlette(routes=[Route("/", listed)]),
        port=0,
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()

    async def listening() -> dict[str, Any]:
        return {"port": server.servers[0].sockets[0].getsockname()[1]}

    await answer({"listening": listening})
    await server.shutdown()


if __name__ == "__main__":
    run(main(Path(sys.argv[1])))
