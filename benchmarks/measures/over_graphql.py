"""GraphQL over HTTP against a route that returns the same bytes: nothing at all, and a list whose data is at hand."""

from typing import Any

import psutil

from benchmarks.http_connection import HttpConnection, request
from benchmarks.http_cpu import against_plain
from benchmarks.results import Goal, Row
from benchmarks.scale import Scale
from benchmarks.side import Side, side

TYPENAME = request("{ __typename }")
LIST = request(
    "query($first: Int!) { items(first: $first) { id name status count weight done createdAt note } }", first=50
)
_GOAL = Goal(2)


async def measure(scale: Scale) -> list[Row]:
    asked = {"{ __typename } over HTTP": TYPENAME, "list 50 objects of 8 fields over HTTP, data at hand": LIST}
    async with side("at_hand") as ours, side("plain_route") as plain:
        port = await ours.ask("serve")
        return [await _row(what, body, ours=ours, port=port, plain=plain, scale=scale) for what, body in asked.items()]


async def _row(what: str, body: bytes, *, ours: Side, port: int, plain: Side, scale: Scale) -> Row:
    connection = await HttpConnection.open("127.0.0.1", port)
    content: Any = {"data": await connection.graphql(body)}
    await connection.close()
    return await against_plain(
        what,
        (psutil.Process(ours.pid), port),
        (psutil.Process(plain.pid), await plain.ask("give", content=content)),
        lambda to: to.graphql(body),
        rounds=scale.rounds,
        requests=scale.requests,
        goal=_GOAL,
    )
