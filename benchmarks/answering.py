"""A side's own end: commands come as lines of JSON on standard input, results go as lines of JSON to standard output."""

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import uvloop

Command = Callable[..., Awaitable[Any]]


async def answer(commands: Mapping[str, Command]) -> None:
    """Until standard input ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        gc.collect()  # no side pays for what an earlier command left
        result = await commands[asked["command"]](**asked["arguments"])
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


def run(main: Coroutine[Any, Any, None]) -> None:
    """On uvloop, every side alike."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
