"""Whether a step costs the same in a long chain and in a wide map as it does in a short chain."""

from statistics import median

from benchmarks.results import Goal, Row, ratio
from benchmarks.scale import Scale
from benchmarks.side import side

_SHORT = 10
_GOAL = Goal(1.5)


async def measure(scale: Scale) -> list[Row]:
    short, long, wide = [], [], []
    runs = scale.chain // _SHORT
    async with side("engine") as engine:
        for steps in (_SHORT, scale.chain):
            await engine.ask("save_chain", steps=steps)
        await engine.ask("save_map", items=scale.map_items)
        await engine.ask("many", steps=_SHORT, count=runs, in_flight=1)
        for _ in range(scale.rounds):
            taken = await engine.ask("many", steps=_SHORT, count=runs, in_flight=1)
            short.append(taken["seconds"] / (runs * _SHORT))
            taken = await engine.ask("many", steps=scale.chain, count=1, in_flight=1)
            long.append(taken["seconds"] / scale.chain)
            taken = await engine.ask("items", items=scale.map_items, count=1)
            wide.append(taken["seconds"] / scale.map_items)
    return [
        _row(f"a step in a chain of {scale.chain}", long, short),
        _row(f"an item in a map over {scale.map_items}", wide, short),
    ]


def _row(what: str, ours: list[float], short: list[float]) -> Row:
    return Row(
        what=what,
        ours=f"{median(ours) * 1e3:.2f} ms",
        against=f"a step in a chain of {_SHORT}",
        theirs=f"{median(short) * 1e3:.2f} ms",
        number=ratio(ours, short),
        goal=_GOAL,
    )
