"""Executions of three trivial steps, every step durable: our engine in process against bare LangGraph with its checkpointer."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.results import Goal, Row, ratio
from benchmarks.scale import Scale
from benchmarks.side import side

BASELINE = "LangGraph, AsyncSqliteSaver, durability=sync"
STEPS = 3
WARM_UP = 50
_MS = 1e3

Taken = Sequence[dict[str, Any]]


async def measure(scale: Scale) -> list[Row]:
    ours, theirs, our_singles, their_singles = [], [], [], []
    many = {"count": scale.executions, "in_flight": scale.in_flight}
    async with side("engine") as engine, side("langgraph") as langgraph:
        await engine.ask("save_chain", steps=STEPS)
        await engine.ask("many", steps=STEPS, count=WARM_UP, in_flight=scale.in_flight)
        await langgraph.ask("many", count=WARM_UP, in_flight=scale.in_flight)
        for _ in range(scale.rounds):
            ours.append(await engine.ask("many", steps=STEPS, **many))
            theirs.append(await langgraph.ask("many", **many))
        for _ in range(scale.rounds):
            our_singles.append(await engine.ask("single", steps=STEPS, count=scale.alone))
            their_singles.append(await langgraph.ask("single", count=scale.alone))
    return [
        _throughput(scale, ours, theirs),
        _cpu(scale, ours, theirs),
        _alone(our_singles, their_singles),
    ]


def _throughput(scale: Scale, ours: Taken, theirs: Taken) -> Row:
    our_seconds, their_seconds = ([each["seconds"] for each in taken] for taken in (ours, theirs))
    return Row(
        what=f"{STEPS} durable steps in process, {scale.in_flight} in flight",
        ours=f"{scale.executions / median(our_seconds):.0f}/s",
        against=BASELINE,
        theirs=f"{scale.executions / median(their_seconds):.0f}/s",
        number=ratio(their_seconds, our_seconds),
        goal=Goal(4, at_least=True),
    )


def _cpu(scale: Scale, ours: Taken, theirs: Taken) -> Row:
    our_cpu, their_cpu = ([each["cpu_seconds"] / scale.executions for each in taken] for taken in (ours, theirs))
    return Row(
        what="the same, CPU of an execution",
        ours=f"{median(our_cpu) * _MS:.2f} ms",
        against=BASELINE,
        theirs=f"{median(their_cpu) * _MS:.2f} ms",
        number=ratio(our_cpu, their_cpu),
    )


def _alone(ours: Taken, theirs: Taken) -> Row:
    our_seconds, their_seconds = ([each["seconds"] for each in taken] for taken in (ours, theirs))
    return Row(
        what="one execution alone, start to end",
        ours=f"{median(our_seconds) * _MS:.1f} ms",
        against=BASELINE,
        theirs=f"{median(their_seconds) * _MS:.1f} ms",
        number=ratio(our_seconds, their_seconds),
        goal=Goal(0.5),
    )
