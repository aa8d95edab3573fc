"""`weft serve` as its own process, on a free port and a directory of its own."""

import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.side import REPOSITORY, SideFailed
from benchmarks.workflows import MODULE

_LOOK_SECONDS, _SETTLED_SECONDS = 0.5, 0.03
"""The CPU time that a settled server takes in that time, at the most; it sweeps once a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`started` is when it was asked to start (`time.perf_counter`)."""

    host: str
    port: int
    process: psutil.Process
    started: float

    @property
    def cpu_seconds(self) -> float:
        """So far, all threads, in the kernel too."""
        return cpu_seconds(self.process)

    async def settle(self) -> None:
        """Until it does no more of what it does after its first answer, such as importing what it may need."""
        before = -1.0
        while self.cpu_seconds - before > _SETTLED_SECONDS:
            before = self.cpu_seconds
            await asyncio.sleep(_LOOK_SECONDS)

    @property
    def resident_mib(self) -> float:
        return float(self.process.memory_info().rss) / 2**20


@asynccontextmanager
async def serving(
    data_dir: Path | None = None, *, role: str = "all", environment: Mapping[str, str] | None = None
) -> AsyncIterator[Server]:
    """Until the context is left. `environment` are further variables."""
    with tempfile.TemporaryDirectory() as directory:
        settings = {"WEFT_DATA_DIR": str(data_dir or directory), "WEFT_MODULES": MODULE, "WEFT_LOG_LEVEL": "WARNING"}
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "weft", "serve", "--port", "0", "--json", "--role", role),
            stdout=PIPE,
            cwd=REPOSITORY,
            env={**user_environment(), **settings, **(environment or {})},
        )
        try:
            assert process.stdout is not None
            announced = await process.stdout.readline()
            if not announced:
                raise SideFailed("the server did not start")
            host, _, port = json.loads(announced)["url"].removeprefix("http://").rpartition(":")
            yield Server(host=host, port=int(port), process=psutil.Process(process.pid), started=started)
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


def cpu_seconds(process: psutil.Process) -> float:
    """So far, all threads, in the kernel too."""
    times = process.cpu_times()
    return float(times.user + times.system)


def user_environment() -> dict[str, str]:
    """As a user's, without settings: an installed program finds its modules compiled."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("WEFT_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "weft-benchmarks-bytecode")}
