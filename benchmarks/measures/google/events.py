"""From a published event to the execution that it started, on the emulators: one process that publishes, routes and starts."""

from dataclasses import replace

from benchmarks import workflows
from benchmarks.deployment import Deployment
from benchmarks.emulators import Emulators
from benchmarks.measures import triggers
from benchmarks.results import Row
from benchmarks.scale import Scale
from engine.bootstrap import open_engine
from engine.settings import read_settings
from weft.trigger_work import triggers_at_work


async def measure(scale: Scale, emulators: Emulators) -> list[Row]:
    settings = replace(read_settings(Deployment(emulators).environment), modules=(workflows.MODULE,))
    async with open_engine(settings) as engine, triggers_at_work(engine):
        rows = await triggers.events(engine.services, scale)
    return [replace(row, what=f"{row.what}, on the emulators") for row in rows]
