"""The events that concern one step run."""

from datetime import datetime

import strawberry

from graphql_api.types.event import ExecutionEvent
from graphql_api.types.failure import Failure, Usage, WaitingFor
from graphql_api.types.scalars import JSON

STEP = "The step run: the step's id; nested ones as parent.child, items of a map as parent[3].child."
ATTEMPT = "Which attempt, from 1. Failures of kind INFRA spend none."


@strawberry.type(description="A step run began. A step never begins before this is recorded.")
class StepStarted(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    attempt: int = strawberry.field(description=ATTEMPT)
    kind: str = strawberry.field(description="The kind of step.")


@strawberry.type(description="A step run is done. It is never run again in this execution.")
class StepSucceeded(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    attempt: int = strawberry.field(description=ATTEMPT)
    output: JSON | None = strawberry.field(description="What it gave; null if nothing.")
    usage: Usage | None = strawberry.field(description="What its model calls consumed; null if it made none.")


@strawberry.type(description="A step run failed for good.")
class StepFailed(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    attempt: int = strawberry.field(description=ATTEMPT)
    failure: Failure = strawberry.field(description="Why.")


@strawberry.type(description="A step run failed and will be tried again.")
class StepRetryScheduled(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    attempt: int = strawberry.field(description="The attempt that failed, from 1.")
    not_before: datetime = strawberry.field(description="When it is tried again, at the earliest.")
    failure: Failure = strawberry.field(description="Why it failed.")


@strawberry.type(description="A step is not run.")
class StepSkipped(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    reason: str = strawberry.field(description="Why: its condition, or the steps it needs.")


@strawberry.type(description="A step run was given up because the execution ends.")
class StepCancelled(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    reason: str | None = strawberry.field(description="Why; null if nothing is known.")


@strawberry.type(description="A step run waits for something outside.")
class StepWaiting(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    waiting_for: WaitingFor = strawberry.field(description="For what.")


@strawberry.type(description="What a step run waited for arrived.")
class StepResumed(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    payload: JSON | None = strawberry.field(description="The answer, or the signal's payload; null if nothing.")
    actor: str | None = strawberry.field(description="Who answered; null where nobody did, such as at a timer.")


@strawberry.type(description="What a step did was undone.")
class StepCompensated(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)


@strawberry.type(description="One item of a map, or one round of a loop, came to its end.")
class ItemEnded(ExecutionEvent):
    step_id: str = strawberry.field(description="The map or loop.")
    index: int = strawberry.field(description="Which item or round, from 0.")
    failed: bool = strawberry.field(description="Whether it failed.")
    output: JSON | None = strawberry.field(description="What it gave; null if nothing, or if it failed.")


@strawberry.type(description="A model was called. The usage of a step run and of an execution are sums of these.")
class ModelCalled(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    model: str = strawberry.field(description="The model, as provider:model.")
    usage: Usage = strawberry.field(description="What this call consumed.")


@strawberry.type(description="A step run saved a checkpoint to go on from.")
class CheckpointSaved(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    checkpoint_id: str = strawberry.field(description="The checkpoint's id.")


@strawberry.type(description="A model called a tool.")
class ToolCalled(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    call_id: str = strawberry.field(description="Names the call; its `ToolReturned` has the same.")
    tool: str = strawberry.field(description="The tool's name.")
    arguments: JSON | None = strawberry.field(description="What the model passed; null if nothing.")


@strawberry.type(description="A tool that a model called gave its result.")
class ToolReturned(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    call_id: str = strawberry.field(description="Names the call, as in its `ToolCalled`.")
    tool: str = strawberry.field(description="The tool's name.")
    result: JSON | None = strawberry.field(description="What it gave; null if nothing, or if it failed.")
    failure: Failure | None = strawberry.field(description="Why it failed; null if it did not.")


@strawberry.type(
    description="Ephemeral: a step run tells how far it is. Ticks may be merged or dropped for slow readers."
)
class StepProgressed(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    message: str | None = strawberry.field(description="What it is doing; null if it does not say.")
    fraction: float | None = strawberry.field(description="How much is done, 0 to 1; null if it does not say.")
    data: JSON | None = strawberry.field(description="Whatever else the step tells; null if nothing.")


@strawberry.type(
    description="Ephemeral: a piece of text that a model wrote. May be merged or dropped for slow readers."
)
class StepOutputDelta(ExecutionEvent):
    step_id: str = strawberry.field(description=STEP)
    text: str = strawberry.field(description="The text since the last delta.")


@strawberry.type(description="A step run wrote a line to its log.")
class LogWritten(ExecutionEvent):
    step_id: str | None = strawberry.field(description=STEP + " Null where no step wrote it.")
    level: str = strawberry.field(description="One of debug, info, warning, error and critical.")
    message: str = strawberry.field(description="The line.")
    fields: JSON | None = strawberry.field(description="Values that belong to it; null if there are none.")
