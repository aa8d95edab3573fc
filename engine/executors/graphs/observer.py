"""Shows what happens inside of a registered graph: its nodes as child step runs, its tokens, and what it writes to its
stream.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from langchain_core.messages import AIMessageChunk
from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver
from langgraph.types import Interrupt, StateSnapshot, StreamMode

from engine.executors.delta_stream import DeltaStream
from engine.executors.failures import failure_of
from engine.executors.interrupts import waits_of
from engine.executors.port import ChildRun, StepContext
from engine.executors.python_values import NotJson, to_json
from engine.executors.step_reports import StepReports

STREAM_MODES: tuple[StreamMode, ...] = ("values", "custom", "messages", "tasks")

LARGEST_SHOWN = 32_768
"""Bytes. A node's input is the whole state: recorded at every node, a long conversation would fill the log with itself.
"""

KIND = "node"

CONTROL_CHANNELS = frozenset({*WRITES_IDX_MAP, "__error_source_node__"})
"""What is written there tells how a task fares; any other write is made when it is done."""

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")


class Observer:
    """Takes the parts of LangGraph's stream, in version 2. `finished` are the tasks that an earlier run has done:
    LangGraph announces them again and does not run them.
    """

    def __init__(self, step: StepContext, reports: StepReports, deltas: DeltaStream, finished: Collection[str]) -> None:
        self._step = step
        self._reports = reports
        self._deltas = deltas
        self._finished = finished
        self._children: dict[str, ChildRun] = {}

    def see(self, part: Mapping[str, Any]) -> None:
        match part:
            case {"type": "custom", "data": chunk}:
                self._reports.write(chunk)
            case {"type": "messages", "data": (AIMessageChunk() as chunk, _)}:
                self._deltas.write(str(chunk.text))
            case {"type": "tasks", "data": {"result": _, "id": task_id} as data}:
                self._ended(task_id, data)
            case {"type": "tasks", "data": data, "ns": namespace}:
                self._began(data, namespace)

    def _began(self, data: Mapping[str, Any], namespace: tuple[str, ...]) -> None:
        if data["id"] in self._finished:
            return
        name = _NOT_IN_NAMES.sub("_", data["name"])
        # The last part of the namespace names the task whose subgraph this is: `node:task`.
        owner = self._children.get(namespace[-1].rpartition(":")[2]) if namespace else None
        if owner is not None:
            name = f"{owner.step_id.removeprefix(f'{self._step.step_id}.')}.{name}"
        self._children[data["id"]] = self._step.child(name, KIND, shown(data["input"]))

    def _ended(self, task_id: str, data: Mapping[str, Any]) -> None:
        child = self._children.pop(task_id, None)
        if child is None:
            return
        if data["error"] is not None:
            error = data["error"]
            child.failed(failure_of(error if isinstance(error, BaseException) else Exception(error), child.step_id))
        elif data["interrupts"]:
            asked = data["interrupts"][0]
            child.waiting(waits_of([Interrupt(asked["value"], asked["id"])], child.step_id)[0])
        else:
            child.succeeded(shown(data["result"]))


async def finished_tasks(saver: BaseCheckpointSaver[Any], thread_id: str, since: StateSnapshot) -> set[str]:
    """The tasks of the last super-step, and of those of subgraphs, that are done already."""
    if not since.tasks:
        return set()
    saved = await saver.aget_tuple({"configurable": {"thread_id": thread_id}})
    written = saved.pending_writes if saved and saved.pending_writes else []
    # Calls of an `@entrypoint`'s tasks are no tasks of the snapshot: only their writes tell that they are done.
    done = {task_id for task_id, channel, _ in written if channel not in CONTROL_CHANNELS}
    return done | set(_finished_inside(since))


def _finished_inside(snapshot: StateSnapshot) -> Iterator[str]:
    for task in snapshot.tasks:
        if isinstance(task.state, StateSnapshot):
            yield from (inner.id for inner in task.state.tasks if inner.result is not None)
            yield from _finished_inside(task.state)


def shown(value: Any) -> Any:
    """`value` for people: as JSON where it is some and not too large, else a word about it."""
    try:
        plain = to_json(value)
    except NotJson as error:
        return {"omitted": str(error)}
    size = len(msgspec.json.encode(plain))
    return plain if size <= LARGEST_SHOWN else {"omitted": f"{size} bytes"}
