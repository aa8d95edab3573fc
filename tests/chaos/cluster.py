"""The machines of a simulation: on each runs one process after the other, and things happen to them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from engine.bootstrap import Engine
from engine.settings import Settings
from tests.chaos.faults import Fault
from tests.chaos.process import Gone, Process, World
from tests.chaos.sim_store import true_time
from tests.chaos.watchman import Watchman

T = TypeVar("T")

DEAD_LINE_SECONDS = 10.0
"""After so long others notice that a connection is dead."""
STOPPED_WITHIN_SECONDS = 120.0
_MEANS = (4.0, 15.0, 60.0, 1e9)
"""Seconds between troubles of one machine; a simulation draws one."""


class Machine:
    def __init__(self, world: World, watchman: Watchman, name: str, settings: Settings, seed: str) -> None:
        self._world = world
        self._watchman = watchman
        self._name = name
        self._settings = settings
        self._random = Random(f"{seed}/{name}")
        off = world.faults.hit(Fault.CLOCK_OFF)
        self._skew = timedelta(seconds=self._random.uniform(-300, 300) if off else 0.0)
        self._starts = 0
        self._process: Process | None = None
        self.dead: list[Process] = []

    @property
    def answers(self) -> bool:
        """Whether it serves the API."""
        return self._settings.role != "worker"

    @property
    def process(self) -> Process | None:
        return self._process if self._process is not None and self._process.running else None

    def clock(self) -> datetime:
        return true_time() + self._skew

    def start(self) -> None:
        self._starts += 1
        name = f"{self._name}.{self._starts}"
        seed = f"{self._random.random()}"
        self._process = Process(self._world, name, self._settings, clock=self.clock, seed=seed)
        self._process.start(lambda engine: self._watchman.serves(name, engine))

    async def suffer(self, mean: float) -> None:
        """Until the calm: now and then the process dies, stands still, is cut off or is replaced."""
        random, faults = self._random, self._world.faults
        while True:
            await asyncio.sleep(random.expovariate(1 / mean))
            if faults.calm:
                return
            fault = random.choice(
                [Fault.KILLED, Fault.KILLED, Fault.PAUSED, Fault.STOPPED, Fault.CUT_OFF, Fault.CLOCK_SET]
            )
            faults.counts[fault] += 1
            match fault:
                case Fault.KILLED:
                    await self._die()
                    await asyncio.sleep(random.choice([0.0, 1.0, 30.0]) * random.random())
                    self.start()
                case Fault.PAUSED:
                    await self._stand_still(random.choice([1.0, 20.0, 60.0]) * random.random())
                case Fault.STOPPED:
                    await self._replace()
                case Fault.CLOCK_SET:
                    self._skew = timedelta(seconds=random.uniform(-300, 300))
                    self._world.trace.add(self._name, f"has its clock set off by {self._skew}")
                case _:
                    await self._be_cut_off(random.choice([2.0, 20.0, 60.0]) * random.random())

    async def _die(self) -> None:
        process = self._process
        assert process is not None
        process.kill()
        self._watchman.dies(process.name)
        self.dead.append(process)
        self._process = None
        asyncio.get_running_loop().call_later(DEAD_LINE_SECONDS, lambda: self._world.later(process.bus.disconnect()))

    async def _stand_still(self, seconds: float) -> None:
        assert self._process is not None
        self._process.pause()
        await asyncio.sleep(seconds)
        self._process.resume()

    async def _be_cut_off(self, seconds: float) -> None:
        assert self._process is not None
        process = self._process
        self._world.trace.add(process.name, "is cut off from the store")
        process.store.cut = True
        await asyncio.sleep(seconds)
        process.store.cut = False
        self._world.trace.add(process.name, "reaches the store again")

    async def _replace(self) -> None:
        await self.shut_down()
        await asyncio.sleep(self._random.random())
        self.start()

    def mend(self) -> None:
        """Whatever it suffers from has an end."""
        if self._process is None:
            self.start()
        elif self._process.stopped:
            self._process.resume()
        else:
            self._process.store.cut = False

    async def shut_down(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        self.dead.append(process)
        try:
            async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
                await process.stop()
        except TimeoutError:
            self._watchman.violated(f"{process.name} does not stop")


class Cluster:
    def __init__(self, world: World, machines: Sequence[Machine], random: Random) -> None:
        self._world = world
        self.machines = machines
        self._random = random
        self._suffering: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for machine in self.machines:
            machine.start()

    def begin_trouble(self) -> None:
        mean = self._random.choice(_MEANS)
        self._suffering = [asyncio.create_task(machine.suffer(mean)) for machine in self.machines]

    async def end_trouble(self) -> None:
        """Everybody runs and is connected afterwards."""
        self._world.faults.calm = True
        self._world.trace.add("-", "the dust settles")
        for task in self._suffering:
            task.cancel()
        await asyncio.gather(*self._suffering, return_exceptions=True)
        for machine in self.machines:
            machine.mend()

    async def ask(self, request: Callable[[Engine], Awaitable[T]]) -> T:
        """Of any process that runs. Raises `Gone`, or whatever the use case raises."""
        running = [process for machine in self.machines if machine.answers and (process := machine.process) is not None]
        if not running:
            raise Gone
        return await self._random.choice(running).ask(request)
