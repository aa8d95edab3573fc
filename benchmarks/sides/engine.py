"""Our engine in process: the workflows of `workflows.py`, started and watched to their end by its use cases."""

import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks import workflows
from benchmarks.answering import answer, run
from benchmarks.load import Once, alone, throughput
from engine.bootstrap import open_engine
from engine.domain.events import ExecutionSucceeded
from engine.domain.ids import TenantId
from engine.settings import Settings
from engine.usecases.caller import Caller, Role
from engine.usecases.create_workflow import create_workflow
from engine.usecases.services import Services
from engine.usecases.start_execution import StartExecution, start_execution
from engine.usecases.watch_execution import watch_execution

CALLER = Caller(tenant=TenantId("local"), principal="benchmark", role=Role.ADMIN)


async def main() -> None:
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = Settings(data_dir=directory, modules=(workflows.MODULE,))
        services = (await stack.enter_async_context(open_engine(settings))).services
        await _save(services, workflows.chain(3))
        once = _chain(services, 3)

        async def many(count: int, in_flight: int) -> dict[str, Any]:
            return await throughput(once, count=count, in_flight=in_flight)

        async def single(count: int) -> dict[str, Any]:
            return await alone(once, count=count)

        async def prepare_scaling(chains: list[int], items: int) -> None:
            for steps in chains:
                await _save(services, workflows.chain(steps))
            await _save(services, workflows.wide_map(items))

        async def chain(steps: int, count: int) -> dict[str, Any]:
            return await throughput(_chain(services, steps), count=count, in_flight=1)

        async def map_(items: int, count: int) -> dict[str, Any]:
            return await throughput(_map(services, items), count=count, in_flight=1)

        await answer(
            {"many": many, "single": single, "prepare_scaling": prepare_scaling, "chain": chain, "map": map_}
        )


async def _save(services: Services, definition: dict[str, Any]) -> None:
    await create_workflow(services, CALLER, definition, activate=True, labels=None)


def _chain(services: Services, steps: int) -> Once:
    async def once(number: int) -> None:
        assert await output_of(services, f"chain-{steps}", {"n": number}) == number + steps

    return once


def _map(services: Services, items: int) -> Once:
    async def once(number: int) -> None:
        given = {"items": list(range(number, number + items))}
        assert await output_of(services, f"map-{items}", given) == list(range(number + 1, number + items + 1))

    return once


async def output_of(services: Services, workflow: str, given: dict[str, Any]) -> Any:
    """Starts an execution and follows its events to the last."""
    view = await start_execution(services, CALLER, StartExecution(workflow=workflow, input=given))
    event = None
    async for entry in watch_execution(services, CALLER, view.state.id, after=view.state.seq, ephemeral=False):
        event = entry.event
    assert isinstance(event, ExecutionSucceeded), event
    return event.output


if __name__ == "__main__":
    run(main())
