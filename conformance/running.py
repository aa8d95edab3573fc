"""Runs a suite against a server."""

import asyncio
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from dataclasses import dataclass

from conformance.suites import REPOSITORY, Suite

SCHEMA = REPOSITORY / "schema.graphql"
_SECONDS, _FULL_SECONDS = 180, 3 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`said` is all that the suite printed; its last line sums it up."""

    suite: str
    passed: bool
    said: str
    seconds: float

    @property
    def summary(self) -> str:
        lines = self.said.strip().splitlines()
        return lines[-1].strip() if lines else "said nothing"


async def run(suite: Suite, url: str, *, full: bool) -> Result:
    """`full` asks for as many cases as the suite can sensibly make."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(*suite.command, url, str(SCHEMA), *(("--full",) if full else ())),
        cwd=suite.installed,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        said, late = await _told(process, _FULL_SECONDS if full else _SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Result(
        suite=suite.name,
        passed=process.returncode == 0 and not late,
        said=said + late,
        seconds=time.perf_counter() - started,
    )


async def _told(process: asyncio.subprocess.Process, seconds: int) -> tuple[str, str]:
    """What it printed until it ended; and that it did not end, if so."""
    said = bytearray()
    assert process.stdout is not None
    try:
        async with asyncio.timeout(seconds):
            while chunk := await process.stdout.read(65536):
                said += chunk
            await process.wait()
    except TimeoutError:
        return said.decode(errors="replace"), f"\ndid not end within {seconds} s"
    return said.decode(errors="replace"), ""
