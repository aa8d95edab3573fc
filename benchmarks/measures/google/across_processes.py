"""What it takes to get from one process to another, one execution at a time: start to worker, signal to worker, worker to subscriber."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import quantiles
from typing import Any

from benchmarks.deployment import Deployment
from benchmarks.emulators import Emulators
from benchmarks.results import Goal, Row
from benchmarks.scale import Scale

_WARM_UP = 30
_WITHIN_A_SECOND = Goal(1000, unit="ms")


async def measure(scale: Scale, emulators: Emulators) -> list[Row]:
    deployment = Deployment(emulators)
    async with (
        deployment.side("worker") as worker,
        deployment.process("api") as first,
        deployment.process("api") as second,
        deployment.side("across", first.host, str(first.port), second.host, str(second.port)) as client,
    ):
        for what in ("claims", "wake_ups"):
            await client.ask(what, count=_WARM_UP)
        claims = await client.ask("claims", count=scale.event_rounds)
        wake_ups = await client.ask("wake_ups", count=scale.event_rounds)
        commits = await worker.ask("commits", executions=[each["execution"] for each in wake_ups])
    return [
        *_rows("answer to a start, until its first step begins in a worker", claims, _WITHIN_A_SECOND),
        *_rows(
            "answer to a signal, until the next step begins in a worker",
            [each["taken"] for each in wake_ups],
            _WITHIN_A_SECOND,
        ),
        *_rows("commit in a worker, until a subscriber of another process is told", list(_told(wake_ups, commits))),
    ]


def _told(wake_ups: Sequence[Any], commits: Mapping[str, Sequence[Sequence[int]]]) -> Iterator[int]:
    """For each event that was told, how long after the commit that it is in."""
    for each in wake_ups:
        for seq, told_at in each["seen"]:
            yield told_at - next(at for last_seq, at in commits[each["execution"]] if last_seq >= seq)


def _rows(what: str, nanoseconds: Sequence[int], goal: Goal | None = None) -> list[Row]:
    cuts = quantiles(nanoseconds, n=100, method="inclusive")
    return [
        Row(what=f"{what}, {name}", number=cut / 1e6, unit="ms", goal=goal)
        for name, cut in (("p50", cuts[49]), ("p99", cuts[98]))
    ]
