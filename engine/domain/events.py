"""The entries of an execution's log. They carry everything: folding the log gives the state.

Every event names the moment it was decided (`at`, UTC). `seq` is not part of an event: it is its position in the log, from 1.
Fields that the public API does not show (`Internal`) are marked so; fields in `PAYLOADS` may hold values of any size.
"""

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from engine.domain.failure import Budget, Failure, Usage
from engine.domain.status import ExecutionStatus
from engine.domain.waiting import WaitingFor

JsonObject = dict[str, Any]


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """`PAYLOADS` names the fields that the store may move into blobs when they are large."""

    PAYLOADS: ClassVar[tuple[str, ...]] = ()

    at: datetime


class StepEvent(Event, frozen=True, kw_only=True):
    """`step_id` is the full path of the step run: `map[3].step`, `graph.node[2]`, `book.compensate`."""

    step_id: str


# ------------------------------------------------------------------ the execution


class ExecutionQueued(Event, frozen=True, kw_only=True):
    """The first event of every log: all that the execution was started with."""

    PAYLOADS = ("input",)

    lane: str
    # Internal:
    workflow_id: str
    workflow: str
    version: int
    input: JsonObject
    priority: int = 0
    labels: dict[str, str] = {}
    not_before: datetime | None = None
    deadline: datetime | None = None
    budget: Budget | None = None
    actor: str | None = None
    parent_id: str | None = None
    parent_step: str | None = None
    on_parent_close: str = "cancel"
    forked_from: str | None = None
    trigger_id: str | None = None
    trace: dict[str, str] = {}
    """`traceparent` and `tracestate` of W3C's Trace Context, which it goes on with."""
    depth: int = 0
    """How many executions led to it, one by the end of another."""
    batch_id: str | None = None
    concurrency_key: str | None = None
    admitted: bool = True
    """False while its concurrency key is held by others."""
    edits: tuple[JsonObject, ...] = ()
    """Live edits taken over from the execution this one was retried or forked from."""


class ExecutionAdmitted(Event, frozen=True, kw_only=True):
    """The concurrency key became free for this execution."""


class ExecutionStarted(Event, frozen=True, kw_only=True):
    """The first claim by a worker. A later claim, after a lost worker, shows as retries of the steps that were lost."""

    worker: str


class ExecutionStatusChanged(Event, frozen=True, kw_only=True):
    """A change of status that no other event tells. `ending` (internal) opens the way to that terminal status."""

    from_: ExecutionStatus = msgspec.field(name="from")
    to: ExecutionStatus
    reason: str | None = None
    actor: str | None = None
    # Internal:
    ending: ExecutionStatus | None = None
    failure: Failure | None = None
    budget: Budget | None = None


class ExecutionEdited(Event, frozen=True, kw_only=True):
    """`edits` (internal) are applied to the definition, in order, when the log is folded."""

    revision: int
    diff: Any
    actor: str | None = None
    edits: tuple[JsonObject, ...] = ()


class ExecutionSucceeded(Event, frozen=True, kw_only=True):
    PAYLOADS = ("output",)
    output: Any = None


class ExecutionFailed(Event, frozen=True, kw_only=True):
    failure: Failure


class ExecutionTimedOut(Event, frozen=True, kw_only=True):
    failure: Failure


class ExecutionCancelled(Event, frozen=True, kw_only=True):
    reason: str | None = None
    actor: str | None = None


class SignalReceived(Event, frozen=True, kw_only=True):
    PAYLOADS = ("payload",)
    name: str
    payload: Any = None
    actor: str | None = None


# ------------------------------------------------------------------ its steps


class StepStarted(StepEvent, frozen=True, kw_only=True):
    """`input` (internal) is the rendered `with`, secrets left out; `attempt` counts from 1 and is not raised by INFRA retries."""

    PAYLOADS = ("input",)
    attempt: int
    kind: str
    input: Any = None
    fan_total: int | None = None
    """Internal: how many frames a map or loop may begin."""
    watched: bool = False
    """Internal: a run inside a step, such as a node of a graph: recorded, not scheduled."""


class StepSucceeded(StepEvent, frozen=True, kw_only=True):
    """`usage` is the run's sum. `kept` (internal): taken over from the execution this one was retried or forked from."""

    PAYLOADS = ("output",)
    attempt: int
    output: Any = None
    usage: Usage | None = None
    kept: bool = False


class StepFailed(StepEvent, frozen=True, kw_only=True):
    """Final for the step."""

    attempt: int
    failure: Failure
    usage: Usage | None = None


class StepRetryScheduled(StepEvent, frozen=True, kw_only=True):
    """`attempt` is the one that failed. Failures of kind INFRA and BUDGET spend no attempt."""

    attempt: int
    not_before: datetime
    failure: Failure
    usage: Usage | None = None


class StepSkipped(StepEvent, frozen=True, kw_only=True):
    reason: str


class StepCancelled(StepEvent, frozen=True, kw_only=True):
    reason: str | None = None


class StepWaiting(StepEvent, frozen=True, kw_only=True):
    waiting_for: WaitingFor
    usage: Usage | None = None


class StepResumed(StepEvent, frozen=True, kw_only=True):
    """`interrupt_id` (internal) names the interrupt that `payload` answers."""

    PAYLOADS = ("payload",)
    payload: Any = None
    actor: str | None = None
    interrupt_id: str | None = None
    signal_seq: int | None = None
    """Internal: the signal in the box that was taken."""


class ItemEnded(StepEvent, frozen=True, kw_only=True):
    """One item of a map or one round of a loop came to its end. `step_id` is the map or loop.

    `output` is what the template `output` gave. Without one it is that of the last nested step, which is not told again.
    """

    PAYLOADS = ("output",)
    index: int
    failed: bool = False
    templated: bool = False
    output: Any = None


class ModelCalled(StepEvent, frozen=True, kw_only=True):
    """One model call was paid for. The sums of steps and execution are made of these alone."""

    model: str
    usage: Usage


class StepCompensated(StepEvent, frozen=True, kw_only=True):
    """What the step did was undone by its `compensate` run, whose own events stand before this one."""


class CheckpointSaved(StepEvent, frozen=True, kw_only=True):
    checkpoint_id: str


class ToolCalled(StepEvent, frozen=True, kw_only=True):
    PAYLOADS = ("arguments",)
    call_id: str
    tool: str
    arguments: Any = None


class ToolReturned(StepEvent, frozen=True, kw_only=True):
    PAYLOADS = ("result",)
    call_id: str
    tool: str
    result: Any = None
    failure: Failure | None = None


class LogWritten(StepEvent, frozen=True, kw_only=True):
    level: str
    message: str
    fields: Any = None


# ------------------------------------------------------------------ live only, never stored


class StepProgressed(StepEvent, frozen=True, kw_only=True):
    """`fraction` is 0..1."""

    message: str | None = None
    fraction: float | None = None
    data: Any = None


class StepOutputDelta(StepEvent, frozen=True, kw_only=True):
    text: str


DurableEvent = (
    ExecutionQueued
    | ExecutionAdmitted
    | ExecutionStarted
    | ExecutionStatusChanged
    | ExecutionEdited
    | ExecutionSucceeded
    | ExecutionFailed
    | ExecutionTimedOut
    | ExecutionCancelled
    | SignalReceived
    | StepStarted
    | StepSucceeded
    | StepFailed
    | StepRetryScheduled
    | StepSkipped
    | StepCancelled
    | StepWaiting
    | StepResumed
    | StepCompensated
    | ItemEnded
    | ModelCalled
    | CheckpointSaved
    | ToolCalled
    | ToolReturned
    | LogWritten
)
EphemeralEvent = StepProgressed | StepOutputDelta

TERMINAL = (ExecutionSucceeded, ExecutionFailed, ExecutionTimedOut, ExecutionCancelled)


class Entry(msgspec.Struct, frozen=True):
    """An event with its place in the log. `seq` is None for ephemeral events."""

    seq: int | None
    event: DurableEvent | EphemeralEvent
