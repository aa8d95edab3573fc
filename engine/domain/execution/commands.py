"""What may be asked of an execution. `decide` answers each with events, or refuses with an error."""

from typing import Any

import msgspec

from engine.domain.edits import JsonObject
from engine.domain.events import CheckpointSaved, LogWritten, ModelCalled, StepStarted, ToolCalled, ToolReturned
from engine.domain.failure import Budget, Failure
from engine.domain.status import ExecutionStatus
from engine.domain.waiting import WaitingFor


class Command(msgspec.Struct, frozen=True, kw_only=True):
    pass


# ------------------------------------------------------------------ from whoever holds the lease


class Claim(Command, frozen=True, kw_only=True):
    """A worker took the lease. What ran under a former one was lost and is tried again."""

    worker: str


class Advance(Command, frozen=True, kw_only=True):
    """Start what is ready and let fire what is due."""


class StepDone(Command, frozen=True, kw_only=True):
    path: str
    attempt: int
    output: Any = None


class StepErred(Command, frozen=True, kw_only=True):
    path: str
    attempt: int
    failure: Failure


class StepSuspends(Command, frozen=True, kw_only=True):
    path: str
    attempt: int
    waits: tuple[WaitingFor, ...]


class BudgetStops(Command, frozen=True, kw_only=True):
    """The budget does not cover the next model call of this step."""

    path: str
    attempt: int


class Observe(Command, frozen=True, kw_only=True):
    """Something happened inside a running step."""

    event: CheckpointSaved | ToolCalled | ToolReturned | LogWritten | ModelCalled | StepStarted


class Abort(Command, frozen=True, kw_only=True):
    """The execution cannot go on, for the reason given."""

    failure: Failure


class ChildRunDone(Command, frozen=True, kw_only=True):
    """A watched run inside a step came to its end, or waits. Exactly one of the three, or none for success with `output`."""

    path: str
    output: Any = None
    failure: Failure | None = None
    waiting_for: WaitingFor | None = None


# ------------------------------------------------------------------ from anybody


class Cancel(Command, frozen=True, kw_only=True):
    reason: str | None = None
    actor: str | None = None
    force: bool = False


class Pause(Command, frozen=True, kw_only=True):
    reason: str | None = None
    actor: str | None = None


class Resume(Command, frozen=True, kw_only=True):
    reason: str | None = None
    actor: str | None = None
    budget: Budget | None = None


class Signal(Command, frozen=True, kw_only=True):
    name: str
    payload: Any = None
    actor: str | None = None


class Answer(Command, frozen=True, kw_only=True):
    """Answers a waiting step with `output`, or with a failure whose message is `failure`."""

    path: str
    interrupt_id: str | None = None
    output: Any = None
    failure: str | None = None
    actor: str | None = None


class Edit(Command, frozen=True, kw_only=True):
    """`edits` must already have been found valid against the plan they were made for, whose revision is `expected_revision`."""

    edits: tuple[JsonObject, ...]
    expected_revision: int
    actor: str | None = None


class ChildEnded(Command, frozen=True, kw_only=True):
    """A child execution that a step waits for reached its terminal status."""

    path: str
    child_id: str
    status: ExecutionStatus
    output: Any = None
    failure: Failure | None = None


class Admit(Command, frozen=True, kw_only=True):
    """The concurrency key became free for this execution."""
