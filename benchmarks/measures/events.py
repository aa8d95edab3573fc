"""From a step's end to its event at a subscriber: the commit is on the way, so the disk is part of it."""

from statistics import quantiles

from benchmarks.results import Goal, Row
from benchmarks.scale import Scale
from benchmarks.server import serving
from benchmarks.side import Side, side

_MANY = 50
_GOALS = {1: (3, 10), _MANY: (6, 20)}
"""Milliseconds at p50 and at p99 over a socket, by subscribers."""
_WARM_UP = 3


async def measure(scale: Scale) -> list[Row]:
    async with side("watchers") as watchers:
        rows = await _rows(scale, watchers, "in process", goals=False)
    async with serving() as server, side("watchers", server.host, str(server.port)) as watchers:
        await server.settle()
        return [*rows, *await _rows(scale, watchers, "over a socket", goals=True)]


async def _rows(scale: Scale, watchers: Side, where: str, *, goals: bool) -> list[Row]:
    rows = []
    for subscribers, bounds in _GOALS.items():
        count = scale.event_rounds if subscribers == 1 else scale.event_rounds // 5
        await watchers.ask("delays", subscribers=subscribers, count=_WARM_UP)
        delays = await watchers.ask("delays", subscribers=subscribers, count=count)
        cuts = quantiles(delays, n=100)
        for name, cut, bound in (("p50", cuts[49], bounds[0]), ("p99", cuts[98], bounds[1])):
            who = "1 subscriber" if subscribers == 1 else f"{subscribers} subscribers"
            goal = Goal(bound, unit="ms") if goals else None
            rows.append(Row(what=f"step's end to {who} {where}, {name}", number=cut / 1e6, unit="ms", goal=goal))
    return rows
