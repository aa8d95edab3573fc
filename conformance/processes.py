"""Runs a program to its end, within a time."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """`said` is all that it printed, errors too, and that it was stopped where it took too long."""

    succeeded: bool
    said: str


async def run_to_end(*command: str, directory: Path, seconds: float) -> Ended:
    """Raises `OSError` where there is no such program. A program that does not end is killed."""
    process = await asyncio.create_subprocess_exec(*command, cwd=directory, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT)
    said = bytearray()
    try:
        async with asyncio.timeout(seconds):
            await _read(process, said)
    except TimeoutError:
        said += f"\ndid not end within {seconds:g} s".encode()
        return Ended(succeeded=False, said=said.decode(errors="replace"))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ended(succeeded=process.returncode == 0, said=said.decode(errors="replace"))


async def _read(process: Process, said: bytearray) -> None:
    assert process.stdout is not None
    while chunk := await process.stdout.read(65536):
        said += chunk
    await process.wait()
