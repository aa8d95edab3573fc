"""Functions that simulated workflows call. What they did is told to the simulation, not to the engine."""

import asyncio
from typing import Any

from langgraph.runtime import get_runtime
from langgraph.types import interrupt

from tests.chaos.effects import EFFECTS
from weft import function


@function(name="chaos.work")
async def work(
    value: Any = None, seconds: float = 0.0, failures: int = 0, size: int = 0, lane: str | None = None
) -> Any:
    """Takes its time; fails in its first attempts. `size` is that of the output in bytes, `lane` the one its step waits in."""
    execution_id, path, attempt = _who()
    with EFFECTS.get().call(execution_id, path, attempt, lane):
        if seconds:
            await asyncio.sleep(seconds)
        if attempt <= failures:
            raise ConnectionError(f"attempt {attempt} fails")
    return "x" * size if size else value


@function(name="chaos.count")
async def count(n: int = 0) -> int:
    """For graphs and agents, which may run a node again after a crash."""
    await asyncio.sleep(0.2)
    return n + 1


@function(name="chaos.ask")
async def ask(value: Any = None) -> Any:
    """Needs an answer from a person on the way."""
    execution_id, path, attempt = _who()
    with EFFECTS.get().call(execution_id, path, attempt):
        answer = interrupt({"prompt": "go on?"})
    return {"value": value, "answer": answer}


def _who() -> tuple[str, str, int]:
    info = get_runtime().execution_info
    assert info is not None
    execution_id, _, path = info.task_id.partition("/")
    return execution_id, path, info.node_attempt
