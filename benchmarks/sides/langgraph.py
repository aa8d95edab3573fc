"""The baseline: nodes in a bare LangGraph graph with its own SQLite checkpointer, every step durable."""

import tempfile
from itertools import count
from pathlib import Path
from typing import Any, TypedDict

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from benchmarks.answering import answer, run
from benchmarks.load import Once, alone, throughput


class _State(TypedDict):
    n: int


Graph = CompiledStateGraph[_State, Any, _State, _State]
STEPS = 3


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with aiosqlite.connect(Path(directory) / "baseline.db") as connection:
            await connection.execute("PRAGMA synchronous = FULL")  # as our store has it; the saver itself sets WAL
            saver = AsyncSqliteSaver(connection)
            await saver.setup()
            await _answer(_once(_graph(saver)))


async def _answer(once: Once) -> None:
    async def many(count: int, in_flight: int) -> dict[str, Any]:
        return await throughput(once, count=count, in_flight=in_flight)

    async def single(count: int) -> dict[str, Any]:
        return await alone(once, count=count)

    await answer({"many": many, "single": single})


async def _increment(state: _State) -> _State:
    return {"n": state["n"] + 1}


def _graph(saver: AsyncSqliteSaver) -> Graph:
    builder = StateGraph(_State)
    names = [f"s{index}" for index in range(STEPS)]
    for name in names:
        builder.add_node(name, _increment)
    for before, after in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(before, after)
    return builder.compile(checkpointer=saver)


def _once(graph: Graph) -> Once:
    threads = count()

    async def once(number: int) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": f"thread-{next(threads)}"}}
        result = await graph.ainvoke({"n": number}, config, durability="sync")
        assert result["n"] == number + STEPS

    return once


if __name__ == "__main__":
    run(main())
