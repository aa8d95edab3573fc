"""Graphs that were compiled with `interrupt_before` or `interrupt_after`: they pause without asking anything."""

from collections.abc import Iterable, Sequence
from typing import Any

from langgraph.pregel import Pregel
from langgraph.types import All, StateSnapshot

from engine.domain.waiting import WaitingFor, WaitKind
from engine.executors.port import Answer


async def pause_at(
    graph: Pregel[Any, Any, Any, Any], at: StateSnapshot, answers: Sequence[Answer]
) -> WaitingFor | None:
    """The pause at this checkpoint that nobody has answered yet. Any answer lets the graph go on."""
    if not at.tasks or not (graph.interrupt_before_nodes or graph.interrupt_after_nodes):
        return None
    identifier = f"pause-{at.config['configurable']['checkpoint_id']}"
    if any(answer.interrupt_id == identifier for answer in answers):
        return None
    before = [task.name for task in at.tasks]
    if _has(graph.interrupt_before_nodes, before):
        return _pause(identifier, f"The graph paused before {', '.join(before)}.")
    if graph.interrupt_after_nodes and at.parent_config is not None:
        # What ran to make this checkpoint are the tasks that the one before it led to.
        ran = [task.name for task in (await graph.aget_state(at.parent_config)).tasks]
        if _has(graph.interrupt_after_nodes, ran):
            return _pause(identifier, f"The graph paused after {', '.join(ran)}.")
    return None


def _has(nodes: All | Sequence[str], names: Iterable[str]) -> bool:
    visible = [name for name in names if not name.startswith("__")]
    return bool(visible) if nodes == "*" else any(name in nodes for name in visible)


def _pause(identifier: str, prompt: str) -> WaitingFor:
    return WaitingFor(kind=WaitKind.INTERRUPT, interrupt_id=identifier, prompt=prompt)
