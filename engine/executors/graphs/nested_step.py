"""The context of a step that runs as a node of a graph."""

from typing import Any, cast

from engine.executors.graphs.interrupts import NodeAnswers
from engine.executors.port import StepContext


def nested_step(inner: StepContext, outer: StepContext, task_id: str, asked: NodeAnswers | None) -> StepContext:
    """`inner` with the identity of the visit: LangGraph's task id is the same in every run of it, after a crash and
    after an answer too, so checkpoints, idempotency key and the ids of interrupts are.
    """
    return cast(
        "StepContext",
        _NestedStep(
            inner,
            thread_id=f"{outer.thread_id}/{task_id}",
            idempotency_key=f"{outer.idempotency_key}/{task_id}",
            step_id=asked.step_id if asked else inner.step_id,
            answers=asked.answers if asked else (),
        ),
    )


class _NestedStep:
    """Everything else is what the other context does."""

    def __init__(self, inner: StepContext, **identity: Any) -> None:
        self._inner = inner
        self.__dict__.update(identity)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
