"""What an execution costs on Firestore, and what it costs to be there: documents written and read, as they are paid for."""

from statistics import median

from benchmarks.deployment import Deployment
from benchmarks.emulators import Emulators
from benchmarks.results import Goal, Row
from benchmarks.scale import Scale

STEPS = 5
_EXECUTIONS = 15
_MINUTE = 60


async def measure(scale: Scale, emulators: Emulators) -> list[Row]:
    async with Deployment(emulators).side("documents") as side:
        await side.ask("save_chain", steps=STEPS)
        await side.ask("traffic", steps=STEPS)  # each process reads the workflow's version once
        taken = [await side.ask("traffic", steps=STEPS) for _ in range(_EXECUTIONS)]
        idle = await side.ask("idle", seconds=scale.idle_seconds)

    def of(what: str) -> float:
        return float(median(each[what] for each in taken))

    per_minute = _MINUTE / scale.idle_seconds
    return [
        Row(
            what=f"Firestore documents written for {STEPS} steps",
            ours=f"in {of('commits'):g} commits",
            number=of("written"),
            unit="writes",
            goal=Goal(10, unit="writes"),
        ),
        Row(
            what=f"Firestore documents read for {STEPS} steps",
            ours=f"and {of('queries'):g} queries",
            number=of("read"),
            unit="reads",
        ),
        Row(
            what="Firestore documents read by an idle worker, a minute",
            ours=f"and {idle['worker']['written'] * per_minute:.3g} written",
            number=idle["worker"]["read"] * per_minute,
            unit="reads",
        ),
        Row(
            what="Firestore documents read by an idle API, a minute",
            ours=f"and {idle['api']['written'] * per_minute:.3g} written",
            number=idle["api"]["read"] * per_minute,
            unit="reads",
        ),
    ]
