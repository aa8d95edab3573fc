"""What is left to do when an execution has ended. It is noted in the head by the last commit and struck out when it is done."""

from engine.domain.execution import Execution
from engine.domain.status import StepStatus

TELL_PARENT = "parent"
CLOSE_CHILDREN = "children"
FREE_CONCURRENCY_KEY = "concurrency"
DROP_CHECKPOINTS = "checkpoints"

WITHOUT_CHECKPOINTS = frozenset({
    "transform", "decide", "http", "llm", "approval", "signal", "sleep", "child", "map", "loop", "emit", "fail",
})  # fmt: skip
"""Kinds of steps that keep no LangGraph checkpoints. Of others, which modules bring, that is not known."""
_RARELY = "function"
"""Keeps some if the function calls a graph."""


def todo_after(execution: Execution, *, epoch: int) -> tuple[str, ...]:
    """`epoch` is that of the last lease."""
    state = execution.state
    kinds = {run.kind for run in execution.runs.values()}
    wanted = {
        TELL_PARENT: state.parent_step is not None,
        CLOSE_CHILDREN: "child" in kinds,
        FREE_CONCURRENCY_KEY: state.concurrency_key is not None,
        DROP_CHECKPOINTS: _may_have_checkpoints(execution, kinds, epoch),
    }
    return tuple(name for name, needed in wanted.items() if needed)


def _may_have_checkpoints(execution: Execution, kinds: set[str], epoch: int) -> bool:
    """Looking costs a commit and a query more, which executions of plain functions are spared."""
    some = kinds - WITHOUT_CHECKPOINTS
    if some - {_RARELY} or execution.state.checkpointed:
        return bool(some)
    # What an attempt saved is told together with its success. One that was cut off may have saved something and not told.
    return bool(some) and (epoch > 1 or any(_cut_off(run.status, run.attempt) for run in execution.runs.values()))


def _cut_off(status: StepStatus, attempt: int) -> bool:
    return attempt > 1 or status not in (StepStatus.SUCCEEDED, StepStatus.SKIPPED)
