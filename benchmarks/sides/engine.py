"""Our engine in process: the workflows of `workflows.py`, started and watched to their end by its use cases."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import workflows
from benchmarks.answering import answer, run
from benchmarks.caller import output_of, save_workflow
from benchmarks.load import Once, alone, throughput
from engine.bootstrap import open_engine
from engine.settings import Settings
from engine.usecases.services import Services


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with open_engine(Settings(data_dir=Path(directory), modules=(workflows.MODULE,))) as engine:
            await _answer(engine.services)


async def _answer(services: Services) -> None:
    async def save_chain(steps: int) -> None:
        await save_workflow(services, workflows.chain(steps))

    async def save_map(items: int) -> None:
        await save_workflow(services, workflows.wide_map(items))

    async def many(steps: int, count: int, in_flight: int) -> dict[str, Any]:
        return await throughput(_chain(services, steps), count=count, in_flight=in_flight)

    async def single(steps: int, count: int) -> dict[str, Any]:
        return await alone(_chain(services, steps), count=count)

    async def items(items: int, count: int) -> dict[str, Any]:
        return await throughput(_map(services, items), count=count, in_flight=1)

    await answer({"save_chain": save_chain, "save_map": save_map, "many": many, "single": single, "items": items})


def _chain(services: Services, steps: int) -> Once:
    async def once(number: int) -> None:
        assert await output_of(services, f"chain-{steps}", {"n": number}) == number + steps

    return once


def _map(services: Services, items: int) -> Once:
    async def once(number: int) -> None:
        given = {"items": list(range(number, number + items))}
        assert await output_of(services, f"map-{items}", given) == list(range(number + 1, number + items + 1))

    return once


if __name__ == "__main__":
    run(main())
