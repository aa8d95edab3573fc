"""Functions that the runtime's tests offer to workflows."""

import asyncio
from typing import Any, TypedDict

from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

from weft import function

CALLS: list[tuple[str, Any]] = []
"""Every call, in order: what ran, and with what. Tests clear it."""


@function(name="test.add")
async def add(a: int, b: int = 1) -> int:
    CALLS.append(("add", a))
    return a + b


@function(name="test.echo")
def echo(value: Any) -> Any:
    CALLS.append(("echo", value))
    return value


@function(name="test.fail")
async def fail(message: str = "no") -> None:
    CALLS.append(("fail", message))
    raise ValueError(message)


@function(name="test.flaky")
async def flaky(key: str, failures: int) -> int:
    """Fails that many times, then returns how often it was called."""
    CALLS.append(("flaky", key))
    count = sum(call == ("flaky", key) for call in CALLS)
    if count <= failures:
        raise ConnectionError(f"call {count}")
    return count


@function(name="test.hang")
async def hang() -> None:
    CALLS.append(("hang", None))
    try:
        await asyncio.Event().wait()
    finally:
        CALLS.append(("hung up", None))


@function(name="test.slow")
async def slow(value: Any, seconds: float = 0.05) -> Any:
    CALLS.append(("slow begins", value))
    await asyncio.sleep(seconds)
    CALLS.append(("slow ends", value))
    return value


class Counted(TypedDict):
    count: int


@function(name="test.calls_graph")
async def calls_graph(number: int) -> list[int]:
    def add_one(state: Counted) -> Counted:
        return {"count": state["count"] + 1}

    graph = StateGraph(Counted).add_node("add", add_one).add_edge(START, "add").compile()
    return [(await graph.ainvoke({"count": n}))["count"] for n in range(number)]


@function(name="test.ask")
async def ask(question: str) -> Any:
    CALLS.append(("ask", question))
    return {"answer": interrupt({"prompt": question})}


@function(name="test.report")
async def report() -> str:
    writer = get_stream_writer()
    writer({"message": "half", "fraction": 0.5, "more": 1})
    return "done"
