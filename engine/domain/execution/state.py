"""What is known of an execution: the fold of its log.

`State` and the `Run`s are what the store keeps; `Execution` adds what only the fold of the whole log knows (outputs, answers), for
whoever schedules its steps. All are values: `evolve` and `decide` work on a copy and leave theirs alone.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from engine.domain.events import JsonObject
from engine.domain.failure import Budget, Failure, Usage
from engine.domain.kinds import MapOver, Repeat
from engine.domain.paths import frame_of
from engine.domain.plan import Plan
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus
from engine.domain.waiting import WaitingFor


class Fan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a step with nested frames (map items, loop rounds) has come. Frames begin in order: `begun` is the next index."""

    total: int
    begun: int = 0
    done: int = 0
    failed: int = 0


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step run. Seqs say where in the log its payloads are: `started_seq` the input, `ended_seq` the output."""

    kind: str
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    infra_retries: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    not_before: datetime | None = None
    """While RETRYING: when it is tried again."""
    until: datetime | None = None
    """While RUNNING or WAITING: when its `timeout` is over."""
    started_seq: int | None = None
    ended_seq: int | None = None
    failure: Failure | None = None
    usage: Usage | None = None
    waits: tuple[WaitingFor, ...] = ()
    """What has not come yet. Not empty while PENDING where only some of what the step waited for came."""
    fan: Fan | None = None
    number: int = 0
    """Of a nested run: its place among all nested runs, in order of beginning; decides the document it is kept in."""
    watched: bool = False
    """A run inside a step (a node of a graph, a round of an agent): recorded, not scheduled."""

    @property
    def attempt_spent(self) -> bool:
        """Whether the next start is a further attempt. What the machinery or the budget brought to an end goes on in the same one."""
        failed = self.failure if self.status is StepStatus.RETRYING else None
        return failed is not None and failed.kind not in (FailureKind.INFRA, FailureKind.BUDGET)


class SignalInBox(msgspec.Struct, frozen=True):
    """A signal that no step has taken yet; its payload is in the log at `seq`."""

    name: str
    seq: int


class Ending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The terminal status that was decided on, while compensation and handlers still run."""

    status: ExecutionStatus
    failure: Failure | None = None
    reason: str | None = None
    actor: str | None = None


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An execution without its step runs."""

    id: str
    tenant: str
    workflow_id: str
    workflow: str
    version: int
    status: ExecutionStatus
    lane: str
    created_at: datetime
    seq: int = 0
    revision: int = 1
    priority: int = 0
    labels: dict[str, str] = {}
    actor: str | None = None
    input: Any = None
    output: Any = None
    failure: Failure | None = None
    usage: Usage = Usage()
    budget: Budget | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    not_before: datetime | None = None
    deadline: datetime | None = None
    parent_id: str | None = None
    parent_step: str | None = None
    on_parent_close: str = "cancel"
    forked_from: str | None = None
    trigger_id: str | None = None
    trace: dict[str, str] = {}
    depth: int = 0
    batch_id: str | None = None
    concurrency_key: str | None = None
    admitted: bool = True
    ending: Ending | None = None
    signals: tuple[SignalInBox, ...] = ()
    edits: tuple[JsonObject, ...] = ()
    done: int = 0
    """Top-level steps that are done."""
    failed: int = 0
    nested: int = 0
    """Nested runs so far."""
    checkpointed: bool = False
    """Whether a step told that it saved a checkpoint."""

    @property
    def terminal(self) -> bool:
        return self.status.terminal


@dataclass(slots=True, kw_only=True)
class Execution:
    """An execution as the rules see it. `runs` has every run that began or was skipped, by path; what is missing is PENDING.

    Apart from `unfolded` it is the fold of the log and of nothing else. The indexes spare the rules from looking through all runs.
    """

    state: State
    plan: Plan
    runs: dict[str, Run] = field(default_factory=dict)
    open: dict[str, None] = field(default_factory=dict)
    """Paths of scheduled runs that are not done."""
    numbered: list[str] = field(default_factory=list)
    """Paths of nested runs, by their number."""
    watched: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Paths of watched runs that are not done, by the scheduled run they are inside of."""
    frames: dict[str, int] = field(default_factory=dict)
    """Frames that began and have not ended, each with the number of its steps that are done."""
    compensable: dict[str, None] = field(default_factory=dict)
    """Paths of succeeded runs whose compensation has not begun, in order of completion."""
    values: dict[str, Any] = field(default_factory=dict)
    """Outputs, by path of a run or of a frame."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """Rendered `with`, by path of an open run. Those of maps stay: what compensates a nested step may ask for its item."""
    answers: dict[str, tuple[tuple[str | None, Any], ...]] = field(default_factory=dict)
    """Answers to a run's interrupts: (interrupt id, payload) in order of arrival."""
    payloads: dict[int, Any] = field(default_factory=dict)
    """Payloads of signals in the box, by seq."""
    unfolded: dict[str, MapOver | Repeat] = field(default_factory=dict, compare=False)
    """How open maps and loops unfold: derived from their inputs, kept because deriving it is dear."""

    def copy(self) -> "Execution":
        return Execution(
            state=self.state,
            plan=self.plan,
            runs=dict(self.runs),
            open=dict(self.open),
            numbered=list(self.numbered),
            watched=dict(self.watched),
            frames=dict(self.frames),
            compensable=dict(self.compensable),
            values=dict(self.values),
            inputs=dict(self.inputs),
            answers=dict(self.answers),
            payloads=dict(self.payloads),
            unfolded=dict(self.unfolded),
        )

    @property
    def active(self) -> bool:
        """Whether a step is running, between retries or about to go on, rather than waiting for something outside."""
        runs = (self.runs[path] for path in self.open)
        return any(run.status is not StepStatus.WAITING and run.fan is None for run in runs)

    def status_of(self, path: str) -> StepStatus:
        run = self.runs.get(path)
        return run.status if run else StepStatus.PENDING

    def scheduled(self, path: str) -> str:
        """The scheduled run that a path belongs to: the path itself, or what the watched run is inside of. Empty where there is none."""
        while path and ((run := self.runs.get(path)) is None or run.watched):
            path = frame_of(path)
        return path
