"""A process that stands still beyond its lease, at one chosen moment, and goes on."""

import asyncio
from datetime import timedelta

import pytest

from engine.settings import Settings
from engine.storage.port import Document
from engine.usecases.create_workflow import create_workflow
from engine.usecases.start_execution import StartExecution, start_execution
from tests.chaos.clients import CALLER
from tests.chaos.process import Process, World
from tests.chaos.sim_database import Database
from tests.chaos.sim_store import true_time
from tests.chaos.virtual_loop import run_virtually

LEASE = timedelta(seconds=6)
_WORK = {"kind": "function", "with": {"call": "chaos.work", "args": {"lane": "narrow"}}}


class StopsItsReader(Database):
    """Stops a process, once, when a document of one collection is read."""

    def __init__(self, collection: str) -> None:
        super().__init__()
        self.victim: Process | None = None
        self._collection = f"/{collection}/"

    def get(self, path: str) -> Document | None:
        if self.victim is not None and self._collection in path:
            self.victim.pause()
            self.victim = None
        return super().get(path)


@pytest.mark.parametrize(
    ("collection", "waits_for"), [("cache", {"cache_key": "${ 1 }"}), ("slots", {"lane": "narrow"})]
)
def test_a_step_that_waited_for_something_meanwhile_does_not_begin(collection: str, waits_for: dict[str, str]) -> None:
    database = StopsItsReader(collection)
    world = World("standing still", database)
    run_virtually(_taken_over(world, database, {"id": "s", **_WORK, **waits_for}))
    assert [call.process for call in world.effects.calls] == ["second"]


async def _taken_over(world: World, database: StopsItsReader, step: dict[str, object]) -> None:
    world.faults.calm = True
    settings = Settings(modules=("tests.chaos.functions",), lanes={"narrow": 1}, lease=LEASE)
    first, second = (Process(world, name, settings, clock=true_time, seed=name) for name in ("first", "second"))
    first.start(lambda _: None)
    await asyncio.sleep(1)
    definition = {"name": "test", "steps": [step]}
    await first.ask(lambda engine: create_workflow(engine.services, CALLER, definition, activate=True, labels=None))
    database.victim = first
    await first.ask(lambda engine: start_execution(engine.services, CALLER, StartExecution(workflow="test")))
    second.start(lambda _: None)
    await asyncio.sleep(5 * LEASE.total_seconds())
    assert first.stopped
    first.resume()
    await asyncio.sleep(LEASE.total_seconds())
    await first.stop()
    await second.stop()
