"""Executions of three trivial steps, every step durable: our engine in process against bare LangGraph with its checkpointer."""

from statistics import median
from typing import Any

from benchmarks.results import Goal, Row, ratio
from benchmarks.scale import Scale
from benchmarks.side import Side, side

BASELINE = "LangGraph, AsyncSqliteSaver, durability=sync"
_WARM_UP = 50


async def measure(scale: Scale) -> list[Row]:
    async with side("engine") as ours, side("langgraph") as theirs:
        for each in (ours, theirs):
            await _many(each, _WARM_UP, scale.in_flight)
        throughputs = [
            (await _many(ours, scale.executions, scale.in_flight), await _many(theirs, scale.executions, scale.in_flight))
            for _ in range(scale.rounds)
        ]
        singles = [
            (await ours.ask("single", count=scale.alone), await theirs.ask("single", count=scale.alone))
            for _ in range(scale.rounds)
        ]
    return [*_throughput_rows(scale, throughputs), _single_row(singles)]


async def _many(asked: Side, count: int, in_flight: int) -> dict[str, Any]:
    taken: dict[str, Any] = await asked.ask("many", count=count, in_flight=in_flight)
    return {name: seconds / count for name, seconds in taken.items()}


def _throughput_rows(scale: Scale, rounds: list[tuple[dict[str, Any], dict[str, Any]]]) -> list[Row]:
    ours, theirs = ([each["seconds"] for each in side_] for side_ in zip(*rounds, strict=True))
    our_cpu, their_cpu = ([each["cpu_seconds"] for each in side_] for side_ in zip(*rounds, strict=True))
    return [
        Row(
            what=f"3 durable steps in process, {scale.in_flight} in flight",
            ours=f"{1 / median(ours):.0f}/s",
            against=BASELINE,
            theirs=f"{1 / median(theirs):.0f}/s",
            number=ratio(theirs, ours),
            goal=Goal(4, at_least=True),
        ),
        Row(
            what="the same, CPU of an execution",
            ours=f"{median(our_cpu) * 1e3:.2f} ms",
            against=BASELINE,
            theirs=f"{median(their_cpu) * 1e3:.2f} ms",
            number=ratio(our_cpu, their_cpu),
        ),
    ]


def _single_row(rounds: list[tuple[dict[str, Any], dict[str, Any]]]) -> Row:
    ours, theirs = ([each["seconds"] for each in side_] for side_ in zip(*rounds, strict=True))
    return Row(
        what="one execution alone, start to end",
        ours=f"{median(ours) * 1e3:.1f} ms",
        against=BASELINE,
        theirs=f"{median(theirs) * 1e3:.1f} ms",
        number=ratio(ours, theirs),
        goal=Goal(0.5),
    )
