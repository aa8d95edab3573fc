"""Functions for the server under test. Each call is noted in a file, since the process that made it is killed."""

import asyncio
import os
from pathlib import Path

from weft import function

CALLS = "E2E_CALLS"
"""The variable that names the file."""


@function(name="e2e.work")
async def work(n: int, seconds: float = 0.0) -> int:
    _note(n)
    await asyncio.sleep(seconds)
    return n * n


def _note(n: int) -> None:
    with Path(os.environ[CALLS]).open("a", encoding="utf-8") as file:
        file.write(f"{n}\n")
