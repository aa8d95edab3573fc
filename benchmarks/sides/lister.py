"""Lists the newest executions of the stores whose directories are its arguments."""

import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.answering import answer, run
from benchmarks.caller import CALLER
from benchmarks.workflows import MODULE
from engine.bootstrap import open_engine
from engine.settings import Settings
from engine.usecases.paging import PageRequest
from engine.usecases.read_executions import ExecutionFilter, list_executions

NEWEST = 50


async def main(directories: list[Path]) -> None:
    async with AsyncExitStack() as stack:
        services = [
            (await stack.enter_async_context(open_engine(Settings(data_dir=directory, modules=(MODULE,))))).services
            for directory in directories
        ]

        async def listed(store: int, count: int) -> dict[str, Any]:
            taken = []
            for _ in range(count):
                started = time.perf_counter()
                page = await list_executions(
                    services[store], CALLER, ExecutionFilter(), descending=True, page=PageRequest(first=NEWEST)
                )
                taken.append(time.perf_counter() - started)
                assert len(page.items) == NEWEST
            return {"seconds": median(taken)}

        await answer({"listed": listed})


if __name__ == "__main__":
    run(main([Path(argument) for argument in sys.argv[1:]]))
