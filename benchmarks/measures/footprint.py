"""What the server takes: time until it answers, and memory."""

import time
from statistics import median

from benchmarks.http_connection import HttpConnection, request
from benchmarks.results import Goal, Row
from benchmarks.scale import Scale
from benchmarks.server import serving
from benchmarks.side import side

_HEALTH = request("{ health { status } }")


async def measure(scale: Scale) -> list[Row]:
    await _start_seconds()  # compiles what was not compiled yet
    starts = [await _start_seconds() for _ in range(scale.rounds)]
    async with serving() as server:
        await server.settle()
        idle = server.resident_mib
        async with side("client", server.host, str(server.port)) as client:
            await client.ask("many", count=scale.held, in_flight=scale.in_flight)
        after = server.resident_mib
    return [
        Row(what="start to the first answer", number=median(starts), unit="s", goal=Goal(1.5, unit="s")),
        Row(what="resident memory, idle", number=idle, unit="MiB"),
        Row(what=f"resident memory after {scale.held} executions", number=after, unit="MiB"),
    ]


async def _start_seconds() -> float:
    async with serving() as server:
        connection = await HttpConnection.open(server.host, server.port)
        data = await connection.graphql(_HEALTH)
        taken = time.perf_counter() - server.started
        assert data["health"]["status"] == "SERVING"
        await connection.close()
        return taken
