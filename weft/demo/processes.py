"""The processes that a demonstration starts, and ends: the services that examples call, and a server."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path

from weft.demo.examples import Example

_START_SECONDS = 30
_STOP_SECONDS = 15


class CannotStart(Exception):
    """A process ended, or said nothing, instead of serving."""


@asynccontextmanager
async def running_server(root: Path, examples: Sequence[Example], data_dir: Path) -> AsyncIterator[str]:
    """Gives the URL of a server that knows the examples. What it logs is in `data_dir`."""
    log = data_dir / "server.log"
    arguments = ("-m", "weft", "serve", "--port", "0", "--json")
    with log.open("wb") as errors:
        async with _running(arguments, root, _environment(root, examples, data_dir), stderr=errors.fileno()) as process:
            assert process.stdout is not None
            try:
                async with asyncio.timeout(_START_SECONDS):
                    line = await process.stdout.readline()
            except TimeoutError as error:
                raise CannotStart(f"the server did not listen within {_START_SECONDS} s; its log is {log}") from error
            if not line:
                raise CannotStart(f"the server did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
            yield json.loads(line)["url"]


@asynccontextmanager
async def running_stub(root: Path, module: str) -> AsyncIterator[None]:
    """A service that an example calls. Raises `CannotStart`, as where its port is taken."""
    port = import_module(module).PORT
    if await _listens(port):
        raise CannotStart(f"{module} needs port {port}, where something else listens")
    environment = {**os.environ, "PYTHONPATH": _python_path(root)}
    async with _running(("-m", module), root, environment, stderr=STDOUT) as process:
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not await _listens(port):
                    if process.returncode is not None:
                        raise CannotStart(f"{module} ended instead of serving")
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            raise CannotStart(f"{module} did not listen within {_START_SECONDS} s") from error
        yield


def _environment(root: Path, examples: Sequence[Example], data_dir: Path) -> dict[str, str]:
    """Nothing of the caller's own settings: they are for another server."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
    return {
        **inherited,
        "PYTHONPATH": _python_path(root),
        "WEFT_DATA_DIR": str(data_dir / "data"),
        "WEFT_MODULES": ",".join(example.functions for example in examples if example.functions),
        "WEFT_SCRIPTS": ",".join(str(example.scripts) for example in examples if example.scripts),
        "WEFT_HTTP_ALLOW": "127.0.0.0/8",
    }


def _python_path(root: Path) -> str:
    return os.pathsep.join(part for part in (str(root), os.environ.get("PYTHONPATH")) if part)


@asynccontextmanager
async def _running(
    arguments: Sequence[str], root: Path, environment: Mapping[str, str], *, stderr: int
) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=root, env=environment, stdout=PIPE, stderr=stderr
    )
    try:
        yield process
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            # `process.terminate()` may reap an ended process before asyncio does, which asyncio complains about.
            os.kill(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
