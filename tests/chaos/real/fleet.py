"""The processes under chaos: some replicas of the API and some workers, each replaced at once when it is killed."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tests.chaos.real.effects import Effect, EffectLog
from tests.e2e.cloud import Cloud, Process


@dataclass(frozen=True, kw_only=True)
class Kill:
    """`at` is Unix time. `driven` is what functions had begun in it and not ended."""

    role: str
    pid: int
    at: float
    driven: Sequence[Effect]


class Fleet:
    def __init__(self, cloud: Cloud, effects: EffectLog, random: Random) -> None:
        self._cloud = cloud
        self._effects = effects
        self._random = random
        self._running: dict[str, list[Process]] = {"api": [], "worker": []}
        self._starting: list[asyncio.Task[Process]] = []
        self.kills: list[Kill] = []

    async def start(self, *, apis: int, workers: int) -> None:
        roles = ["api"] * apis + ["worker"] * workers
        for process in await self._cloud.start_all(*roles):
            self._running[process.role].append(process)

    def urls(self) -> list[str]:
        """Of the replicas of the API that answer."""
        return [process.url for process in self._running["api"] if process.url]

    async def kill(self, role: str, *, busy: bool = False, spare: int = 0) -> None:
        """One of them that is ready, at random, as soon as so many others are ready too; its successor is on its way when this
        returns. `busy`: one in which a function is under way.
        """
        while not (victims := self._victims(role, busy=busy)) or self._ready(role) <= spare:
            await asyncio.sleep(0.005)
        victim = self._random.choice(victims)
        self._running[role].remove(victim)
        at = time.time()
        await victim.kill()
        self._effects.look()
        self.kills.append(Kill(role=role, pid=victim.pid, at=at, driven=self._effects.under_way(victim.pid)))
        successor = self._cloud.begin(role)
        self._running[role].append(successor)
        self._starting.append(asyncio.create_task(successor.ready()))

    async def whole(self) -> None:
        """Once every successor is ready."""
        await asyncio.gather(*self._starting)

    def _ready(self, role: str) -> int:
        return sum(bool(process.url) for process in self._running[role])

    def _victims(self, role: str, *, busy: bool) -> list[Process]:
        self._effects.look()
        ready = [process for process in self._running[role] if process.url]
        return [each for each in ready if not busy or self._effects.under_way(each.pid)]

    def ended_by_themselves(self) -> list[str]:
        """Nobody asked them to."""
        left = [process for processes in self._running.values() for process in processes]
        return [f"{process.name}:\n{process.log[-1000:]}" for process in left if not process.running]
