"""What an executor is given: one attempt at one step run. Everything it reports goes to the driver's mailbox."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from engine.domain.events import (
    CheckpointSaved,
    EphemeralEvent,
    LogWritten,
    ModelCalled,
    StepOutputDelta,
    StepProgressed,
    StepStarted,
    ToolCalled,
    ToolReturned,
)
from engine.domain.execution import Command, Execution
from engine.domain.execution.commands import ChildRunDone, Observe
from engine.domain.expressions import Scope, render
from engine.domain.failure import Failure, Usage
from engine.domain.status import StepStatus
from engine.domain.waiting import WaitingFor
from engine.executors.port import Answer, ChildRun
from engine.runtime.budget import BudgetMeter
from engine.runtime.revealing import Revealer
from engine.secrets.port import redact_value
from engine.usecases.journal import Clock

if TYPE_CHECKING:  # see `engine.executors.late`
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.store.base import BaseStore


class Reports(Protocol):
    """The driver, as far as a step run needs it."""

    meter: BudgetMeter
    clock: Clock

    @property
    def execution(self) -> Execution: ...

    def in_force(self) -> bool:
        """Whether the lease under which the step runs is: its owner may have stood still."""

    def post(self, command: Command) -> None: ...

    def live(self, event: EphemeralEvent) -> None: ...


@dataclass(kw_only=True, slots=True)
class StepRun:
    """Satisfies `engine.executors.port.StepContext`."""

    tenant: str
    execution_id: str
    workflow: str
    step_id: str
    attempt: int
    idempotency_key: str
    with_: Any
    answers: Sequence[Answer]
    scope: Scope
    open_checkpointer: Callable[[Callable[[str], None]], "BaseCheckpointSaver[Any]"]
    """Given what to call when a checkpoint is saved. Most steps never need one."""
    thread_id: str
    open_store: Callable[[], "BaseStore"]
    reports: Reports
    revealer: Revealer
    trace: Mapping[str, str] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    """Paths of the runs inside that this attempt began."""

    @property
    def checkpointer(self) -> "BaseCheckpointSaver[Any]":
        return self.open_checkpointer(self.checkpoint_saved)

    @property
    def store(self) -> "BaseStore":
        return self.open_store()

    def render(self, template: Any, scope: Scope) -> Any:
        return self.revealer.veil(template, render(template, scope), scope)

    async def reveal(self, value: Any) -> Any:
        return await self.revealer.reveal(value)

    def progress(self, *, message: str | None = None, fraction: float | None = None, data: Any = None) -> None:
        at = self.reports.clock()
        self.reports.live(
            StepProgressed(
                at=at, step_id=self.step_id, message=self._told(message), fraction=fraction, data=self._told(data)
            )
        )

    def delta(self, text: str) -> None:
        self.reports.live(StepOutputDelta(at=self.reports.clock(), step_id=self.step_id, text=self._told(text)))

    def tool_called(self, call_id: str, tool: str, arguments: Any) -> None:
        at = self.reports.clock()
        self._observe(
            ToolCalled(at=at, step_id=self.step_id, call_id=call_id, tool=tool, arguments=self._told(arguments))
        )

    def tool_returned(self, call_id: str, tool: str, *, result: Any = None, failure: Failure | None = None) -> None:
        at = self.reports.clock()
        self._observe(
            ToolReturned(
                at=at, step_id=self.step_id, call_id=call_id, tool=tool, result=self._told(result), failure=failure
            )
        )

    def log(self, level: str, message: str, fields: Mapping[str, Any] | None = None) -> None:
        at = self.reports.clock()
        kept = self._told(dict(fields)) if fields else None
        self._observe(LogWritten(at=at, step_id=self.step_id, level=level, message=self._told(message), fields=kept))

    def checkpoint_saved(self, checkpoint_id: str) -> None:
        self._observe(CheckpointSaved(at=self.reports.clock(), step_id=self.step_id, checkpoint_id=checkpoint_id))

    @asynccontextmanager
    async def model_call(
        self, model: str, *, prompt_tokens: int, max_tokens: int | None
    ) -> AsyncIterator["ReservedCall"]:
        """Reserves budget; what `settle` reports is recorded whatever becomes of the step."""
        call = ReservedCall(self, model)
        budget = self.reports.execution.state.budget
        call.max_tokens = self.reports.meter.reserve(
            call, budget, model, prompt_tokens=prompt_tokens, max_tokens=max_tokens
        )
        try:
            yield call
        finally:
            if not call.settled:
                # What a failed call used is not known; that it was made is.
                call.settle(Usage(model_calls=1))

    def child(self, name: str, kind: str, input_: Any) -> "WatchedRun":
        """A run that waits is gone on with; otherwise each visit is a run of its own."""
        path, number = f"{self.step_id}.{name}", 1
        runs = self.reports.execution.runs
        while path in self.begun or (path in runs and runs[path].status is not StepStatus.WAITING):
            number += 1
            path = f"{self.step_id}.{name}[{number}]"
        self.begun.add(path)
        run = WatchedRun(self, path)
        self._observe(
            StepStarted(at=self.reports.clock(), step_id=path, attempt=1, kind=kind, input=input_, watched=True)
        )
        return run

    def nested(self, child: ChildRun, kind: str, with_: BaseModel, scope: Scope) -> "StepRun":  # noqa: ARG002  # the port's
        """The same attempt, seen from inside: another `with`, another path, its own thread."""
        return StepRun(
            tenant=self.tenant,
            execution_id=self.execution_id,
            workflow=self.workflow,
            step_id=child.step_id,
            attempt=self.attempt,
            idempotency_key=f"{self.idempotency_key}:{child.step_id}",
            with_=with_,
            answers=(),
            scope=scope,
            open_checkpointer=self.open_checkpointer,
            thread_id=f"{self.thread_id}:{child.step_id}",
            open_store=self.open_store,
            reports=self.reports,
            revealer=self.revealer,
            trace=self.trace,
        )

    def _told(self, value: Any) -> Any:
        """What may be told: secrets that were revealed to this attempt are taken out."""
        return redact_value(value, self.revealer.values) if self.revealer.values else value

    def _observe(
        self, event: CheckpointSaved | ToolCalled | ToolReturned | LogWritten | ModelCalled | StepStarted
    ) -> None:
        self.reports.post(Observe(event=event))


class ReservedCall:
    """Satisfies `engine.executors.port.ModelCall`."""

    def __init__(self, step: StepRun, model: str) -> None:
        self._step = step
        self._model = model
        self.max_tokens: int | None = None
        self.settled = False

    def settle(self, usage: Usage) -> None:
        self.settled = True
        step = self._step
        step.reports.meter.settle(self, usage)
        event = ModelCalled(at=step.reports.clock(), step_id=step.step_id, model=self._model, usage=usage)
        step.reports.post(Observe(event=event))


class WatchedRun:
    """Satisfies `engine.executors.port.ChildRun`."""

    def __init__(self, step: StepRun, step_id: str) -> None:
        self._post = step.reports.post
        self.step_id = step_id

    def succeeded(self, output: Any) -> None:
        self._post(ChildRunDone(path=self.step_id, output=output))

    def failed(self, failure: Failure) -> None:
        self._post(ChildRunDone(path=self.step_id, failure=failure))

    def waiting(self, waiting_for: WaitingFor) -> None:
        self._post(ChildRunDone(path=self.step_id, waiting_for=waiting_for))
