"""What is left to do when an execution has ended. It is noted in the head by the last commit and struck out when it is done."""

from engine.domain.execution import Execution

TELL_PARENT = "parent"
CLOSE_CHILDREN = "children"
FREE_CONCURRENCY_KEY = "concurrency"
DROP_CHECKPOINTS = "checkpoints"

CHECKPOINTING = frozenset({"graph", "agent"})
"""Kinds of steps that keep LangGraph checkpoints."""


def todo_after(execution: Execution) -> tuple[str, ...]:
    state = execution.state
    kinds = {run.kind for run in execution.runs.values()}
    wanted = {
        TELL_PARENT: state.parent_step is not None,
        CLOSE_CHILDREN: "child" in kinds,
        FREE_CONCURRENCY_KEY: state.concurrency_key is not None,
        DROP_CHECKPOINTS: bool(kinds & CHECKPOINTING),
    }
    return tuple(name for name, needed in wanted.items() if needed)
