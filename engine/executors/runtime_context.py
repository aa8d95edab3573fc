"""LangGraph's runtime around a plain function, without a Pregel run.

A run of Pregel for one call costs about 0.5 ms. What `interrupt()`, `get_stream_writer()`, `get_store()`,
`get_runtime()` and `get_config()` look at is one context variable with a config, so that is all that is set here. The
keys are LangGraph's own and private; the tests call every one of those functions, so that a release that changes them
is noticed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import (
    CONFIG_KEY_CALL,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_RESUME_MAP,
    CONFIG_KEY_RESUMING,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_TASK_ID,
    CONFIG_KEY_THREAD_ID,
)
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.runtime import ExecutionInfo, Runtime
from langgraph.types import _interrupt_id

from engine.executors.port import Answer, StepContext

RECURSION_LIMIT = 1_000
"""Of graphs that the function calls, unless it sets one; LangGraph's own default would let a cycle run ten thousand
rounds.
"""


@contextmanager
def langgraph_runtime(step: StepContext, *, write: Callable[[Any], None]) -> Iterator[None]:
    """`write` is the stream writer."""
    token = var_child_runnable_config.set(_config(step, write))
    try:
        yield
    finally:
        var_child_runnable_config.reset(token)


def _config(step: StepContext, write: Callable[[Any], None]) -> RunnableConfig:
    # Shaped `name:task` as LangGraph's are; the same for every try of the step, and so are the ids of its interrupts.
    task_id = f"{step.execution_id}/{step.step_id}"
    namespace = f"{step.step_id}:{step.execution_id}"
    return {
        "tags": [],
        "metadata": {},
        "callbacks": None,
        "recursion_limit": RECURSION_LIMIT,
        "configurable": {
            CONFIG_KEY_THREAD_ID: step.thread_id,
            CONFIG_KEY_CHECKPOINT_NS: namespace,
            CONFIG_KEY_TASK_ID: task_id,
            CONFIG_KEY_SCRATCHPAD: _scratchpad(_resumed(namespace, step.answers)),
            CONFIG_KEY_SEND: _ignore_writes,
            CONFIG_KEY_CALL: _refuse_task,
            CONFIG_KEY_RUNTIME: Runtime(
                store=step.store,
                stream_writer=write,
                execution_info=ExecutionInfo(
                    checkpoint_id="",
                    checkpoint_ns=namespace,
                    task_id=task_id,
                    thread_id=step.thread_id,
                    run_id=step.execution_id,
                    node_attempt=step.attempt,
                ),
            ),
            # For graphs that the function calls: they are subgraphs of the step. Resuming: what they did before is not
            # done again.
            CONFIG_KEY_CHECKPOINTER: step.checkpointer,
            CONFIG_KEY_RESUMING: True,
            CONFIG_KEY_RESUME_MAP: {
                answer.interrupt_id: answer.value for answer in step.answers if answer.interrupt_id
            },
        },
    }


def _resumed(namespace: str, answers: Sequence[Answer]) -> list[Any]:
    """The answers to the function's own interrupts, first to last. The n-th interrupt has its own id; an answer without
    an id is for the one that was open when it came, which is the next.
    """
    by_id = {answer.interrupt_id: answer.value for answer in answers if answer.interrupt_id is not None}
    unnamed = iter([answer.value for answer in answers if answer.interrupt_id is None])
    resumed: list[Any] = []
    while True:
        identifier = _interrupt_id(namespace, len(resumed))
        if identifier in by_id:
            resumed.append(by_id[identifier])
            continue
        try:
            resumed.append(next(unnamed))
        except StopIteration:
            return resumed


def _scratchpad(resumed: list[Any]) -> PregelScratchpad:
    return PregelScratchpad(
        step=0,
        stop=1,
        call_counter=count().__next__,
        interrupt_counter=count().__next__,
        get_null_resume=_no_null_resume,
        resume=resumed,
        subgraph_counter=count().__next__,
    )


def _no_null_resume(_consume: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature that LangGraph calls
    return None


def _ignore_writes(_writes: Any) -> None:
    """A node tells Pregel which answers it used; here they are in the execution's log already."""


def _refuse_task(function: Callable[..., Any], *_: Any, **__: Any) -> Any:
    name = getattr(function, "__name__", repr(function))
    raise RuntimeError(
        f"the task {name!r} was called from a plain function: tasks run inside an @entrypoint, registered as a graph"
    )
