"""A real server that knows the examples and has run them, so that clients find something of every kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from conformance.running import Result
from conformance.suites import REPOSITORY
from weft.cli.address import parse_address
from weft.cli.api import Api, connect
from weft.cli.commands.apply import apply
from weft.cli.documents import EXECUTION_STATUS, START
from weft.demo.examples import Example, find_examples
from weft.demo.processes import running_server

EXAMPLES = ("digest", "orders", "research")
"""`digest` maps, and calls a scripted model. `orders` starts children, and waits for a signal that nobody sends; `research` is a
graph of LangGraph, and waits for a person.
"""
_SETTLED = {"SUCCEEDED", "WAITING"}
_MISTAKES = (" ERROR ", " CRITICAL ", "Traceback (", " py.warnings: ")
_SECONDS = 60


@asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[str]:
    """Gives the server's URL. It keeps its data and its log in `directory`. Raises `CannotStart`, `ApiError`."""
    examples = find_examples(REPOSITORY, EXAMPLES)
    async with running_server(REPOSITORY, examples, directory) as url:
        async with connect(parse_address(url)) as api:
            for example in examples:
                await _run(api, example)
        yield url


def log_result(directory: Path) -> Result:
    """Passed if the server logged no mistakes of its own, which no request may bring about: errors, and what Python warns of."""
    lines = (directory / "server.log").read_text("utf-8", errors="replace").splitlines()
    mistakes = [line for line in lines if any(mark in line for mark in _MISTAKES)]
    summary = f"{len(mistakes)} mistakes in the server's log"
    return Result(suite="server", passed=not mistakes, said="\n".join([*mistakes, summary]))


async def _run(api: Api, example: Example) -> None:
    name = ""
    for file in example.workflows:
        applied = await apply(api, file, file.read_text("utf-8"))
        assert applied.workflow is not None, applied.refusals
        name = applied.workflow["name"]
    started = (await api.mutate(START, workflow=name, input=example.read_input()))["execution"]
    async with asyncio.timeout(_SECONDS):
        while (await api.query(EXECUTION_STATUS, id=started["id"]))["execution"]["status"] not in _SETTLED:
            await asyncio.sleep(0.05)
