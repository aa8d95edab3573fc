"""An API and a worker in one process, each with its own connection to Firestore and Pub/Sub as its environment names them, and each
with a store that counts. The start of an execution and all of its driving are counted; nobody watches.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from benchmarks import workflows
from benchmarks.answering import answer, run
from benchmarks.caller import CALLER, save_workflow
from benchmarks.ends import heard
from benchmarks.tally import TallyingStore
from engine.bootstrap import Engine, open_bus, open_engine, open_store
from engine.bus.port import MessageBus
from engine.settings import read_settings
from engine.usecases.start_execution import StartExecution, start_execution

_LOOK_SECONDS = 0.005


@asynccontextmanager
async def _process(role: str) -> AsyncIterator[tuple[Engine, TallyingStore, MessageBus]]:
    settings = read_settings(os.environ, role=role, modules=(workflows.MODULE,))
    store, bus = TallyingStore(await open_store(settings)), await open_bus(settings)
    async with open_engine(settings, store=store, bus=bus) as engine:
        yield engine, store, bus
    await bus.close()
    await store.close()


async def main() -> None:
    async with (
        _process("api") as (api, api_store, bus),
        _process("worker") as (driving, worker_store, _),
        heard(bus) as ends,
    ):
        worker = driving.worker
        assert worker is not None

        async def save_chain(steps: int) -> None:
            await save_workflow(api.services, workflows.chain(steps))

        async def traffic(steps: int) -> dict[str, Any]:
            """Of one more execution, until nobody does anything about it any more."""
            for store in (api_store, worker_store):
                store.tenants.take()
            view = await start_execution(
                api.services, CALLER, StartExecution(workflow=f"chain-{steps}", input={"n": 1})
            )
            await ends.of(view.state.id)
            while worker.driving:  # nobody tells
                await asyncio.sleep(_LOOK_SECONDS)
            return asdict(api_store.tenants.take() + worker_store.tenants.take())

        async def idle(seconds: float) -> dict[str, Any]:
            """Of a worker and an API that have nothing to do, in that time."""
            stores = {"api": api_store, "worker": worker_store}
            for store in stores.values():
                store.take()
            await asyncio.sleep(seconds)
            return {name: asdict(store.take()) for name, store in stores.items()}

        await answer({"save_chain": save_chain, "traffic": traffic, "idle": idle})


if __name__ == "__main__":
    run(main())
