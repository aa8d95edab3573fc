"""The parent's end of a side: a fresh process that is asked one thing at a time, and is idle while others are asked."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent
_ENDING_SECONDS = 30


class SideFailed(Exception):
    """The process died; what it said is above, on standard error."""


class Side:
    def __init__(self, name: str, process: Process) -> None:
        self._name = name
        self._process = process
        self.pid = process.pid

    async def ask(self, command: str, **arguments: Any) -> Any:
        """The command's result, from JSON. Raises `SideFailed`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise SideFailed(f"the side {self._name!r} died while it was asked to {command}")
        return json.loads(line)


@asynccontextmanager
async def side(name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Side]:
    """Starts `benchmarks.sides.<name>`, and ends it with the context. `environment`: None is this process's."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"benchmarks.sides.{name}", *arguments),
        stdin=PIPE,
        stdout=PIPE,
        cwd=REPOSITORY,
        env=environment,
    )
    try:
        yield Side(name, process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_ENDING_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
