"""What workflows under chaos call, in worker processes. Every call is noted in the file of effects."""

import asyncio
import operator
import os
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.runtime import get_runtime

from tests.chaos.real.effects import EFFECTS, noted
from weft import function, graph

LOOK_SECONDS = 0.01


@function(name="real.work")
async def work(value: Any = None, seconds: float = 0.0, failures: int = 0, size: int = 0) -> Any:
    """Takes its time; fails in its first attempts; gives a text of `size` characters instead of the value."""
    execution, step, attempt = _who()
    with noted(execution, step, attempt):
        await asyncio.sleep(seconds)
        if attempt <= failures:
            raise ConnectionError(f"attempt {attempt} fails on purpose")
    return step.ljust(size, ".") if size else value


@function(name="real.hold")
async def hold(gate: str, size: int = 0) -> Any:
    """Until the file `gate` lies beside that of the effects. Every process gives another output."""
    with noted(*_who()):
        await _opened(gate)
    return str(os.getpid()).ljust(size, ".")


def _who() -> tuple[str, str, int]:
    info = get_runtime().execution_info
    assert info is not None
    execution, _, step = info.task_id.partition("/")
    return execution, step, info.node_attempt


async def _opened(gate: str) -> None:
    path = Path(os.environ[EFFECTS]).with_name(gate)
    while not path.exists():
        await asyncio.sleep(LOOK_SECONDS)


class Held(TypedDict, total=False):
    execution: str
    gate: str
    seen: Annotated[list[str], operator.add]


async def _before(state: Held) -> Held:
    with noted(state["execution"], "graph.before", 1):
        return {"seen": [f"before {os.getpid()}"]}


async def _held(state: Held) -> Held:
    with noted(state["execution"], "graph.held", 1):
        await _opened(state["gate"])
    return {"seen": [f"held {os.getpid()}"]}


async def _after(state: Held) -> Held:
    with noted(state["execution"], "graph.after", 1):
        return {"seen": [f"after {os.getpid()}"]}


def _graph() -> Any:
    building = StateGraph(Held)
    for name, node in (("before", _before), ("held", _held), ("after", _after)):
        building.add_node(name, node)
    building.add_edge(START, "before")
    building.add_edge("before", "held")
    building.add_edge("held", "after")
    return building.compile()


graph("real.graph", _graph())
