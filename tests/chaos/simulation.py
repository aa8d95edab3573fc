"""One simulation: several real engines, a script of requests and of failures, and what must hold when the dust has settled."""

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import msgspec

from engine.bootstrap import Engine
from engine.domain.canonical import canonical
from engine.domain.kinds import Kinds
from engine.domain.status import ExecutionStatus
from engine.settings import Settings
from engine.usecases.create_workflow import create_workflow
from tests.chaos.aftermath import check_aftermath, unfinished
from tests.chaos.clients import CALLER, Clients, Refused
from tests.chaos.cluster import Cluster, Machine
from tests.chaos.process import World
from tests.chaos.requests import Requests
from tests.chaos.sim_database import Database
from tests.chaos.trace import EngineLog
from tests.chaos.triggers import Triggers
from tests.chaos.virtual_loop import Stuck, run_virtually
from tests.chaos.watchman import Watchman
from tests.chaos.workflows import LANES, workflows

PATIENCE_SECONDS = 900
"""How long everything may take to end once nothing goes wrong any more."""
TROUBLED_SECONDS = 300
ANSWERED_WITHIN_SECONDS = 120
WATCHED_WITHIN_SECONDS = 120


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds` are those of the simulation; `trace` are the newest lines of what happened."""

    seed: int
    hash: str
    violations: list[str]
    trace: list[str]
    statuses: dict[str, int]
    faults: dict[str, int]
    commits: int
    calls: int
    seconds: float

    def brief(self) -> "Outcome":
        """Without the trace, where nothing is wrong."""
        return self if self.violations else msgspec.structs.replace(self, trace=[])


def simulate(seed: int, database: Callable[[], Database] = Database) -> Outcome:
    """The same for a seed every time. `database` makes one that is broken on purpose."""
    logger = logging.getLogger("engine")
    level, propagates = logger.level, logger.propagate
    collecting = gc.isenabled()
    gc.disable()  # what it finds, and when, depends on what ran before
    simulation = Simulation(seed, database())
    handler = EngineLog(simulation.world.trace)
    try:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        return simulation.run()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
        if collecting:
            gc.enable()


class Simulation:
    def __init__(self, seed: int, database: Database) -> None:
        self._seed = seed
        self.world = World(f"{seed}", database)
        self._random = Random(f"{seed}/plan")
        self._definitions = workflows(self._random)
        limits = {each["name"]: each["concurrency"]["limit"] for each in self._definitions if "concurrency" in each}
        self.watchman = Watchman(self.world, lanes=LANES, limits=limits)

    def run(self) -> Outcome:
        seconds = 0.0
        violations = self.world.violations
        try:
            seconds = run_virtually(self._main())
        except (Stuck, Refused) as stuck:
            violations.append(f"stuck: {stuck}")
        heads = self.watchman.heads.values()
        return Outcome(
            seed=self._seed,
            hash=self.world.trace.hash,
            violations=violations,
            trace=list(self.world.trace.lines),
            statuses=dict(Counter(head.state.status.value for head in heads)),
            faults={fault.value: count for fault, count in sorted(self.world.faults.counts.items())},
            commits=self.world.database.commits,
            calls=len(self.world.effects.calls),
            seconds=seconds,
        )

    async def _main(self) -> float:
        random, faults = self._random, self.world.faults
        lease = timedelta(seconds=random.choice([4, 8, 15, 30]))
        settings = Settings(
            modules=("tests.chaos.functions",), lanes=LANES, lease=lease, capacity=random.choice([2, 5, 200])
        )
        roles = ["all", *random.choices(["all", "all", "worker", "api"], k=random.randint(1, 3))]
        machines = [
            Machine(self.world, self.watchman, f"p{n}", replace(settings, role=role), f"{self._seed}")
            for n, role in enumerate(roles)
        ]
        cluster = Cluster(self.world, machines, random)
        clients = Clients(self.world, cluster, self.watchman, random)
        requests = Requests(clients, [each["name"] for each in self._definitions])
        triggers = Triggers(clients, f"{self._seed}/triggers")
        self.world.triggers = triggers.at_work
        faults.calm = True
        cluster.start()
        for definition in self._definitions:
            await clients.insist(partial(_define, definition))
        await triggers.begin()
        faults.calm = False
        cluster.begin_trouble()
        answering = asyncio.create_task(requests.answer())
        asking = asyncio.create_task(requests.some(random.randint(4, 14)))
        publishing = asyncio.create_task(triggers.publish(8.0, 8))
        await asyncio.wait([asking], timeout=TROUBLED_SECONDS)
        await asyncio.sleep(random.choice([0.0, 20.0, 60.0]) * random.random())
        await cluster.end_trouble()
        await asyncio.wait([asking, publishing], timeout=ANSWERED_WITHIN_SECONDS)
        if asking.done() and publishing.done():
            await asking
            await publishing
            await triggers.end()
            await self._settle(clients, requests, lease)
            triggers.check(self.world.database, self.watchman)
        else:
            self.world.violated("a request is not answered")
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        return await self._end(cluster)

    async def _settle(self, clients: Clients, requests: Requests, lease: timedelta) -> None:
        """Everything comes to an end by itself, and all who watch see it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE_SECONDS
        while (left := unfinished(self.world.database, self.watchman)) and loop.time() < deadline:
            await asyncio.sleep(1)
        for what in left:
            self.watchman.violated(f"does not come to its end: {what}")
        if left:
            return
        try:
            async with asyncio.timeout(WATCHED_WITHIN_SECONDS):
                await clients.followed()
        except TimeoutError:
            self.watchman.violated("a watcher did not see the end")
        for execution_id in clients.accepted:
            await requests.look(execution_id)
        await asyncio.sleep(2 * lease.total_seconds())
        kinds = await clients.insist(_kinds)
        definitions = {each["name"]: canonical(each, kinds) for each in self._definitions}
        check_aftermath(self.world, self.watchman, clients, requests, definitions)

    async def _end(self, cluster: Cluster) -> float:
        seconds = asyncio.get_running_loop().time()
        for machine in cluster.machines:
            await machine.shut_down()
        self.world.trace.close()
        for machine in cluster.machines:
            for process in machine.dead:
                await process.bury()
        return seconds


async def _define(definition: dict[str, Any], engine: Engine) -> None:
    await create_workflow(engine.services, CALLER, definition, activate=True, labels=None)


async def _kinds(engine: Engine) -> Kinds:
    return engine.services.kinds


def succeeded(outcome: Outcome) -> int:
    return outcome.statuses.get(ExecutionStatus.SUCCEEDED.value, 0)
