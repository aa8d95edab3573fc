"""An execution driven in memory against a scripted clock, as `engine/runtime/driver.py` drives one. The test is the worker.

Every decision is checked on the way: it leaves its argument alone, and folding its events gives the execution it says.
"""

from collections.abc import Iterable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import ConfigDict

from engine.domain.canonical import canonical
from engine.domain.definition import Model
from engine.domain.events import DurableEvent, ExecutionQueued, StepStarted
from engine.domain.execution import Execution, begin_log, commands, decide, evolve, next_due
from engine.domain.failure import Failure
from engine.domain.kinds import Begin, Beginning, Execute, StepKind
from engine.domain.plan import Plan, compile_plan
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus
from engine.domain.validation import DefinitionLimits, validate_definition
from engine.domain.waiting import WaitingFor
from engine.executors.approval import Approval
from engine.executors.fail import FailStep
from engine.executors.loop import Loop
from engine.executors.map_over import Map
from engine.executors.signal import Signal
from engine.executors.sleep import Sleep
from engine.executors.transform import Transform

START = datetime(2026, 1, 1, tzinfo=UTC)

JsonObject = dict[str, Any]


class TaskWith(Model):
    model_config = ConfigDict(extra="allow", frozen=True)


class Task(StepKind):
    name: ClassVar[str] = "task"
    description: ClassVar[str] = "A worker runs it; it takes any `with`."
    With = TaskWith

    def begin(self, beginning: Beginning) -> Begin:  # noqa: ARG002 - whatever it is given
        return Execute()


KINDS: dict[str, StepKind] = {
    kind.name: kind for kind in (Task(), Transform(), FailStep(), Approval(), Signal(), Sleep(), Map(), Loop())
}


def step(step_id: str, kind: str = "task", with_: JsonObject | None = None, **fields: Any) -> JsonObject:
    return {"id": step_id, "kind": kind, "with": with_ or {}, **fields}


def over(step_id: str, items: Any, *steps: JsonObject, **fields: Any) -> JsonObject:
    """A map; what belongs into its `with` may be given among the fields."""
    own: JsonObject = {name: fields.pop(name) for name in ("concurrency", "on_item_error", "output") if name in fields}
    return step(step_id, "map", {"items": items, "steps": list(steps), **own}, **fields)


def loop(step_id: str, *steps: JsonObject, **fields: Any) -> JsonObject:
    own: JsonObject = {name: fields.pop(name) for name in ("until", "max_rounds", "output") if name in fields}
    return step(step_id, "loop", {"steps": list(steps), **own}, **fields)


def plan_of(steps: Iterable[JsonObject], **definition: Any) -> Plan:
    document = canonical({"name": "test", "steps": list(steps), **definition}, KINDS)
    problems = validate_definition(document, KINDS, DefinitionLimits())
    assert not problems, problems
    return compile_plan(document, KINDS)


class DrivenExecution:
    """`launched` are the attempts that a worker was asked to run, in order; `running` those that have not been reported."""

    def __init__(
        self,
        *steps: JsonObject,
        input: JsonObject | None = None,  # noqa: A002 - the word of the language
        kept: Iterable[DurableEvent] = (),
        queued: JsonObject | None = None,
        **definition: Any,
    ) -> None:
        self.plan = plan_of(steps, **definition)
        self.now = START
        first = ExecutionQueued(
            at=START,
            lane="default",
            workflow_id="wf_1",
            workflow="test",
            version=1,
            input=input or {},
            **(queued or {}),
        )
        self.log: list[DurableEvent] = [first, *kept]
        self.x = self.fold()
        self.running: dict[str, int] = {}
        self.launched: list[tuple[str, int]] = []
        self.commits = 0

    # -------------------------------------------------------------- the machinery

    def fold(self) -> Execution:
        first, *rest = self.log
        assert isinstance(first, ExecutionQueued)
        begun = begin_log(first, execution_id="ex_1", tenant="local", plan=self.plan)
        return evolve(begun, rest)

    def do(self, command: commands.Command) -> list[DurableEvent]:
        """The events that follow, those of decisions that had to be cut included."""
        before, seen = self.x, snapshot(self.x)
        decision = decide(before, command, self.now)
        assert snapshot(before) == seen, "the argument was changed"
        assert evolve(before, decision.events) == decision.execution
        assert decision.execution.state.seq == before.state.seq + len(decision.events)
        self.log.extend(decision.events)
        self.x = decision.execution
        self.commits += 1
        self._launch(decision.events)
        events = list(decision.events)
        if decision.more and not isinstance(command, FROM_OUTSIDE):
            events += self.do(commands.Advance())
        return events

    def _launch(self, events: Iterable[DurableEvent]) -> None:
        for path, attempt in list(self.running.items()):
            run = self.x.runs[path]
            if run.status is not StepStatus.RUNNING or run.attempt != attempt:
                del self.running[path]
        for event in events:
            if isinstance(event, StepStarted) and not event.watched:
                run = self.x.runs[event.step_id]
                if run.status is StepStatus.RUNNING and run.fan is None:
                    self.running[event.step_id] = run.attempt
                    self.launched.append((event.step_id, run.attempt))

    # -------------------------------------------------------------- what a worker does

    def claim(self, worker: str = "w1") -> "DrivenExecution":
        self.do(commands.Claim(worker=worker))
        return self

    def crash(self) -> "DrivenExecution":
        """What was running is lost; somebody else folds the log and goes on."""
        self.running.clear()
        self.x = self.fold()
        return self.claim("w2")

    def advance(self, seconds: float = 0) -> list[DurableEvent]:
        self.now += timedelta(seconds=seconds)
        return self.do(commands.Advance())

    def advance_to_next(self) -> list[DurableEvent]:
        due = next_due(self.x)
        assert due is not None
        self.now = max(self.now, due)
        return self.do(commands.Advance())

    def done(self, path: str, output: Any = None) -> list[DurableEvent]:
        return self.do(commands.StepDone(path=path, attempt=self.running[path], output=output))

    def err(
        self, path: str, code: str = "broken", *, kind: FailureKind = FailureKind.TASK, retryable: bool = True
    ) -> Any:
        failure = Failure(kind=kind, code=code, message=f"{path} is {code}", retryable=retryable)
        return self.do(commands.StepErred(path=path, attempt=self.running[path], failure=failure))

    def suspend(self, path: str, *waits: WaitingFor) -> list[DurableEvent]:
        return self.do(commands.StepSuspends(path=path, attempt=self.running[path], waits=waits))

    # -------------------------------------------------------------- what others do

    def answer(self, path: str, output: Any = None, **fields: Any) -> list[DurableEvent]:
        """As the API does it; then a worker is woken up."""
        events = self.do(commands.Answer(path=path, output=output, **fields))
        return events + self.do(commands.Claim(worker="w1"))

    def signal(self, name: str, payload: Any = None) -> list[DurableEvent]:
        events = self.do(commands.Signal(name=name, payload=payload))
        return events + self.do(commands.Advance())

    # -------------------------------------------------------------- what can be seen

    def status(self) -> ExecutionStatus:
        return self.x.state.status

    @property
    def failure(self) -> Failure:
        assert self.x.state.failure is not None
        return self.x.state.failure

    def statuses(self) -> dict[str, str]:
        return {path: run.status.value for path, run in self.x.runs.items()}

    def events(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.log if isinstance(event, kind)]

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.log]

    def started(self) -> list[str]:
        """Paths of what began, in order, every attempt."""
        return [event.step_id for event in self.events(StepStarted)]


FROM_OUTSIDE = (
    commands.Cancel,
    commands.Pause,
    commands.Resume,
    commands.Signal,
    commands.Answer,
    commands.Edit,
    commands.ChildEnded,
    commands.Admit,
)


def snapshot(x: Execution) -> tuple[Any, ...]:
    """All that could be changed about an execution."""
    indexes = (
        list(x.runs.items()),
        list(x.open),
        list(x.numbered),
        dict(x.watched),
        dict(x.frames),
        list(x.compensable),
    )
    values = (deepcopy(each) for each in (x.values, x.inputs, x.answers, x.payloads))
    return (x.state, id(x.plan), dict(x.unfolded), *indexes, *values)
