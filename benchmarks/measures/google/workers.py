"""Executions per second on the emulators with 1, 2 and 4 workers, against one embedded server under the same client in the same run.

The emulators are Java on the same cores: where those are all busy, more workers cannot be faster. So the CPU time of each side is told.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from statistics import median

import psutil

from benchmarks.deployment import Deployment
from benchmarks.emulators import Emulators
from benchmarks.measures.durable_steps import WARM_UP
from benchmarks.results import Row, ratio
from benchmarks.scale import Scale
from benchmarks.server import Server, cpu_seconds, serving
from benchmarks.side import Side, side

WORKERS = (1, 2, 4)
_EMBEDDED = "embedded server, same client"
_OURS = ("API", "workers")
_EMULATORS = ("Firestore", "Pub/Sub")

Cpu = Mapping[str, float]
"""CPU seconds, by what took them."""


class Taken:
    """By the rounds of one side, for one execution each."""

    def __init__(self, client: Side, cpu: Callable[[], Cpu]) -> None:
        """`cpu` says what was taken until now."""
        self._client = client
        self._process = psutil.Process(client.pid)
        self._now = cpu
        self.seconds: list[float] = []
        self._cpu: list[Cpu] = []

    async def round(self, executions: int, in_flight: int) -> None:
        before, started = self._all(), time.perf_counter()
        await self._client.ask("many", count=executions, in_flight=in_flight)
        self.seconds.append((time.perf_counter() - started) / executions)
        self._cpu.append({name: (now - before[name]) / executions for name, now in self._all().items()})

    def cpu(self, *names: str) -> list[float]:
        """CPU seconds of these, or of everything."""
        return [sum(each.get(name, 0.0) for name in names or each) for each in self._cpu]

    @property
    def busy(self) -> float:
        """Cores, on the average."""
        return median(cpu / seconds for cpu, seconds in zip(self.cpu(), self.seconds, strict=True))

    def _all(self) -> Cpu:
        return {**self._now(), "client": cpu_seconds(self._process)}


async def measure(scale: Scale, emulators: Emulators) -> list[Row]:
    deployment = Deployment(emulators)
    rows: list[Row] = []
    workers: list[Server] = []
    async with AsyncExitStack() as stack:
        embedded = await stack.enter_async_context(serving())
        api = await stack.enter_async_context(deployment.process("api"))
        workers.append(await stack.enter_async_context(deployment.process("worker")))
        plain = await stack.enter_async_context(side("client", embedded.host, str(embedded.port)))
        client = await stack.enter_async_context(side("client", api.host, str(api.port)))
        for each, count in ((plain, WARM_UP), (client, scale.executions)):  # Java takes longer to get warm
            await each.ask("many", count=count, in_flight=scale.in_flight)
        for number in WORKERS:
            while len(workers) < number:
                workers.append(await stack.enter_async_context(deployment.process("worker")))
            ours = Taken(client, lambda: _cpu(deployment, api, workers))
            theirs = Taken(plain, lambda: {"server": embedded.cpu_seconds})
            for _ in range(scale.rounds):
                for taken in (ours, theirs):
                    await taken.round(scale.executions, scale.in_flight)
            rows += _rows(scale, number, ours, theirs)
    return rows


def _cpu(deployment: Deployment, api: Server, workers: list[Server]) -> Cpu:
    return {
        "API": api.cpu_seconds,
        "workers": sum(worker.cpu_seconds for worker in workers),
        **deployment.emulator_cpu_seconds(),
    }


def _rows(scale: Scale, workers: int, ours: Taken, theirs: Taken) -> list[Row]:
    some = f"{workers} worker{'s' if workers > 1 else ''}"
    return [
        Row(
            what=f"3 durable steps on the emulators, API and {some}, {scale.in_flight} in flight",
            ours=f"{1 / median(ours.seconds):.0f}/s",
            against=_EMBEDDED,
            theirs=f"{1 / median(theirs.seconds):.0f}/s",
            number=ratio(theirs.seconds, ours.seconds),
        ),
        Row(
            what=f"the same, CPU of API and {some} for one",
            ours=_milliseconds(ours, *_OURS),
            against=_EMBEDDED,
            theirs=_milliseconds(theirs, "server"),
            number=ratio(ours.cpu(*_OURS), theirs.cpu("server")),
        ),
        Row(
            what="the same, CPU of the emulators for one",
            ours=_milliseconds(ours, *_EMULATORS),
            number=median(ours.cpu(*_EMULATORS)) * 1e3,
            unit="ms",
        ),
        Row(
            what="the same, cores that are busy, client and emulators too",
            number=ours.busy,
            unit=f"of {os.cpu_count()}",
        ),
    ]


def _milliseconds(taken: Taken, *names: str) -> str:
    parts = " + ".join(f"{median(taken.cpu(name)) * 1e3:.1f}" for name in names)
    return f"{parts} ms"
