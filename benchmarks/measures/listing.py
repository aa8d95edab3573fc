"""The newest executions: from a small and a large store, and over HTTP against a route that returns the same bytes."""

from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks.http_connection import HttpConnection, request
from benchmarks.http_cpu import against_plain
from benchmarks.results import Goal, Row, ratio
from benchmarks.scale import Scale
from benchmarks.seeding import seeded
from benchmarks.server import Server, serving
from benchmarks.side import side
from benchmarks.sides.lister import NEWEST

QUERY = """
    query($first: Int!) { executions(first: $first) {
      nodes { id status lastSeq revision lane priority createdAt finishedAt }
    } }
"""


async def measure(scale: Scale) -> list[Row]:
    few, many = await seeded(scale.stored_few), await seeded(scale.stored)
    return [await _by_size(scale, few, many), await _over_http(scale, few)]


async def _by_size(scale: Scale, few: Path, many: Path) -> Row:
    small, large = [], []
    async with side("lister", str(few), str(many)) as lister:
        for store in (0, 1):
            await lister.ask("listed", store=store, count=scale.listings)
        for _ in range(scale.rounds):
            small.append((await lister.ask("listed", store=0, count=scale.listings))["seconds"])
            large.append((await lister.ask("listed", store=1, count=scale.listings))["seconds"])
    return Row(
        what=f"list the newest {NEWEST} of {scale.stored}",
        ours=f"{median(large) * 1e3:.2f} ms",
        against=f"of {scale.stored_few}",
        theirs=f"{median(small) * 1e3:.2f} ms",
        number=ratio(large, small),
        goal=Goal(1.2),
    )


async def _over_http(scale: Scale, directory: Path) -> Row:
    asked = request(QUERY, first=NEWEST)
    async with serving(directory) as server, side("plain_route") as plain:
        await server.settle()
        return await against_plain(
            f"list the newest {NEWEST} over HTTP",
            (server.process, server.port),
            (psutil.Process(plain.pid), await plain.ask("give", content=await _data(server, asked))),
            lambda to: to.graphql(asked),
            rounds=scale.rounds,
            requests=scale.requests,
            goal=Goal(4),
        )


async def _data(server: Server, asked: bytes) -> Any:
    connection = await HttpConnection.open(server.host, server.port)
    data = await connection.graphql(asked)
    await connection.close()
    assert len(data["executions"]["nodes"]) == NEWEST
    return {"data": data}
