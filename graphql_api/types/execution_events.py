"""The events that concern an execution as a whole."""

import strawberry

from graphql_api.types.enums import ExecutionStatus
from graphql_api.types.event import ExecutionEvent
from graphql_api.types.failure import Failure
from graphql_api.types.scalars import JSON

ACTOR = "Who asked for it; null where nobody did."


@strawberry.type(description="The first event of every log: the execution was accepted.")
class ExecutionQueued(ExecutionEvent):
    lane: str = strawberry.field(description="The admission queue it waits in.")


@strawberry.type(description="The execution had waited for its concurrency key, and the key became free.")
class ExecutionAdmitted(ExecutionEvent):
    pass


@strawberry.type(description="A worker took the execution up for the first time.")
class ExecutionStarted(ExecutionEvent):
    worker: str = strawberry.field(description="The worker's id.")


@strawberry.type(
    description="The status changed in a way that no other event tells: waiting, pausing, resuming, ending."
)
class ExecutionStatusChanged(ExecutionEvent):
    from_: ExecutionStatus = strawberry.field(name="from", description="The status before.")
    to: ExecutionStatus = strawberry.field(
        description="The status after. RUNNING may follow RUNNING: a cancellation that compensates first is recorded "
        "so."
    )
    reason: str | None = strawberry.field(description="Why, as given; null if nothing was given.")
    actor: str | None = strawberry.field(description=ACTOR)


@strawberry.type(description="A live edit changed the steps.")
class ExecutionEdited(ExecutionEvent):
    revision: int = strawberry.field(description="The execution's revision after the edit.")
    diff: JSON = strawberry.field(description="What changed.")
    actor: str | None = strawberry.field(description=ACTOR)


@strawberry.type(description="Terminal: all steps are done. The last event of the log.")
class ExecutionSucceeded(ExecutionEvent):
    output: JSON | None = strawberry.field(description="The execution's output; null if its definition gives none.")


@strawberry.type(description="Terminal: the execution failed. The last event of the log.")
class ExecutionFailed(ExecutionEvent):
    failure: Failure = strawberry.field(description="Why.")


@strawberry.type(description="Terminal: the execution ran out of time. The last event of the log.")
class ExecutionTimedOut(ExecutionEvent):
    failure: Failure = strawberry.field(description="Which limit passed.")


@strawberry.type(description="Terminal: the execution was cancelled. The last event of the log.")
class ExecutionCancelled(ExecutionEvent):
    reason: str | None = strawberry.field(description="Why, as given; null if nothing was given.")
    actor: str | None = strawberry.field(description=ACTOR)


@strawberry.type(description="A signal came in. A step that waits for it, now or later, takes it.")
class SignalReceived(ExecutionEvent):
    name: str = strawberry.field(description="The signal's name.")
    payload: JSON | None = strawberry.field(description="What it carries; null if nothing.")
    actor: str | None = strawberry.field(description=ACTOR)
