"""Runs a LangGraph graph inside a step: from its beginning, or on from its last checkpoint."""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.pregel import Pregel
from langgraph.types import Command, StateSnapshot, StreamMode

from engine.domain.waiting import WaitingFor
from engine.executors.graphs.breakpoints import pause_at
from engine.executors.graphs.interrupts import InterruptStyle
from engine.executors.graphs.refusals import refusal
from engine.executors.port import StepContext, StepFailure

AnyGraph = Pregel[Any, Any, Any, Any]
See = Callable[[Mapping[str, Any]], None]
"""Is shown every part of LangGraph's stream, in version 2."""


class Ended(NamedTuple):
    values: Any
    """The final state, or what an `@entrypoint` returned."""


class Paused(NamedTuple):
    waits: tuple[WaitingFor, ...]


class GraphRun:
    """Brings one graph to its end or to its next pause. Whatever it was compiled with, it keeps its checkpoints with
    the execution and its memories with the tenant; the object that was given is not changed. `state_types` are the
    types that values in its checkpoints may have besides LangGraph's and LangChain's.
    """

    def __init__(
        self,
        step: StepContext,
        graph: AnyGraph,
        interrupts: InterruptStyle,
        *,
        limit: int,
        state_types: Collection[tuple[str, ...]] = (),
        callbacks: Sequence[BaseCallbackHandler] = (),
    ) -> None:
        self._step = step
        # One for the whole run: what a saver sees of a former owner is what was there when it first looked.
        self.saver = step.checkpointer.with_allowlist(state_types)
        self._graph = graph.copy({"checkpointer": self.saver, "store": step.store})
        self._interrupts = interrupts
        self._limit = limit
        self._callbacks = list(callbacks)

    async def snapshot(self) -> StateSnapshot:
        """Where the graph stands. Without `created_at` it has not begun; without tasks it has ended."""
        return await self._graph.aget_state(self._config, subgraphs=True)

    async def go_on(
        self,
        since: StateSnapshot,
        first: Callable[[], Any],
        see: See,
        *,
        modes: Sequence[StreamMode] = ("values",),
        context: Any = None,
    ) -> Ended | Paused:
        """`first` gives the input, for a graph that has not begun. Raises what nodes raise, and `StepFailure`
        (`recursion_limit`).
        """
        if since.created_at is None:
            return await self._stream(first(), since, see, modes, context)
        if not since.tasks:
            return Ended(since.values)
        answers = self._interrupts.resume(since.interrupts, self._step.answers)
        if answers:
            return await self._stream(Command(resume=answers), since, see, modes, context)
        if since.interrupts and all(task.interrupts or task.result is not None for task in since.tasks):
            return Paused(self._interrupts.waits(since.interrupts, self._step.step_id))
        pause = await pause_at(self._graph, since, self._step.answers)
        return Paused((pause,)) if pause else await self._stream(None, since, see, modes, context)

    async def _stream(
        self, given: Any, since: StateSnapshot, see: See, modes: Sequence[StreamMode], context: Any
    ) -> Ended | Paused:
        values: Any = since.values
        interrupted = False
        parts = cast(
            "AsyncGenerator[Any, None]",
            self._graph.astream(
                given,
                {**self._config, "recursion_limit": self._recursion_limit(since), "callbacks": self._callbacks},
                context=context,
                stream_mode=list(modes),
                subgraphs=True,
                # Otherwise a super-step could begin, and be lost with the process, before the one ahead of it is saved.
                durability="sync",
                version="v2",
            ),
        )
        try:
            async with aclosing(parts) as stream:
                async for part in stream:
                    see(part)
                    if part["type"] == "values" and not part["ns"]:
                        values = part["data"]
                        interrupted = interrupted or bool(part["interrupts"])
        except GraphRecursionError as error:
            raise self._too_many_steps() from error
        return await self._paused(interrupted=interrupted) or Ended(values)

    async def _paused(self, *, interrupted: bool) -> Paused | None:
        if not interrupted and not self._graph.interrupt_before_nodes and not self._graph.interrupt_after_nodes:
            return None
        now = await self.snapshot()
        if now.interrupts:
            return Paused(self._interrupts.waits(now.interrupts, self._step.step_id))
        pause = await pause_at(self._graph, now, self._step.answers)
        return Paused((pause,)) if pause else None

    def _recursion_limit(self, since: StateSnapshot) -> int:
        """The limit is for the whole graph, however often it is resumed. LangGraph counts from where a run begins: the
        input is step 0, noticing the end takes a step as well, and less than 1 is refused, so that a graph which paused
        in its last step is granted one more.
        """
        if since.created_at is None:
            return self._limit + 1
        done = max(0, (since.metadata or {}).get("step", 0))
        if done >= self._limit:
            raise self._too_many_steps()
        return max(1, self._limit - done - 1)

    def _too_many_steps(self) -> StepFailure:
        return StepFailure(
            refusal(
                "recursion_limit",
                f"the graph has not come to its end in {self._limit} super-steps",
                ("recursion_limit",),
                limit=self._limit,
            )
        )

    @property
    def _config(self) -> RunnableConfig:
        return {"configurable": {"thread_id": self._step.thread_id}}
