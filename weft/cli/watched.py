"""What a watcher knows of an execution: its events, folded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.cli.follow import ENDINGS, Event

_TAIL = 400
"""Characters that are kept of what a model is writing."""


@dataclass(slots=True, kw_only=True)
class WatchedStep:
    """One step run. Times are those of the API; `tail` is the end of the text that streams in."""

    path: str
    kind: str = ""
    status: str = "PENDING"
    attempt: int = 0
    started: str | None = None
    finished: str | None = None
    message: str | None = None
    fraction: float | None = None
    tail: str = ""
    failure: Mapping[str, Any] | None = None
    waiting_for: Mapping[str, Any] | None = None
    children: "list[WatchedStep]" = field(default_factory=list)
    """Runs inside of this one: nodes of a graph, rounds of an agent, its compensation."""
    frames: "dict[int, list[WatchedStep]]" = field(default_factory=dict)
    """The runs of each item of a map, or of each round of a loop."""
    frames_done: set[int] = field(default_factory=set)
    frames_failed: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def frames_open(self) -> list[int]:
        return [index for index in self.frames if index not in self.frames_done and index not in self.frames_failed]


class WatchedExecution:
    """Made of the plan; told every event."""

    def __init__(self, execution_id: str, workflow: str, version: int) -> None:
        self.execution_id = execution_id
        self.workflow = workflow
        self.version = version
        self.status = "QUEUED"
        self.steps: dict[str, WatchedStep] = {}
        self.started: str | None = None
        self.finished: str | None = None
        self.output: Any = None
        self.failure: Mapping[str, Any] | None = None
        self.reason: str | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDINGS.values()

    @property
    def top(self) -> list[WatchedStep]:
        """In order of definition."""
        return [step for path, step in self.steps.items() if "." not in path]

    def plan(self, definition: Mapping[str, Any]) -> None:
        """Takes over the order of the top-level steps, and which there are: a live edit may have changed both."""
        planned = {step["id"]: self._step(step["id"], step["kind"]) for step in definition["steps"]}
        begun = {path: step for path, step in self.steps.items() if step.status != "PENDING"}
        self.steps = planned | begun

    def tell(self, event: Event) -> None:
        name = event["__typename"]
        if name in ENDINGS:
            self._end(event)
        elif name == "ExecutionStarted":
            self.status, self.started = "RUNNING", event["at"]
        elif name == "ExecutionStatusChanged":
            self.status, self.reason = event["to"], event["reason"]
        elif name in _STEP_EVENTS:
            path = event["stepId"]
            step = self._step(path)
            _STEP_EVENTS[name](step, event)

    def _step(self, path: str, kind: str = "") -> WatchedStep:
        """The step run at a path; a new one takes its place inside of the others."""
        if path in self.steps:
            return self.steps[path]
        outer, inside, _ = path.rpartition(".")
        step = WatchedStep(path=path, kind=kind)
        if inside:
            self._owners(outer).append(step)
        self.steps[path] = step
        return step

    def _owners(self, outer: str) -> list[WatchedStep]:
        """`map[3]` is the fourth item of `map`, but `graph.node[2]` may be a run of its own, the third visit of a node."""
        head, bracket, index = outer.rpartition("[")
        if outer not in self.steps and bracket and outer.endswith("]"):
            return self._step(head).frames.setdefault(int(index[:-1]), [])
        return self._step(outer).children

    def _end(self, event: Event) -> None:
        self.status, self.finished = ENDINGS[event["__typename"]], event["at"]
        self.output, self.failure = event.get("output"), event.get("failure")
        self.reason = event.get("reason")


def _started(step: WatchedStep, event: Event) -> None:
    step.status, step.kind, step.attempt = "RUNNING", event["kind"], event["attempt"]
    step.started, step.finished = event["at"], None
    step.tail, step.message, step.fraction, step.failure, step.waiting_for = "", None, None, None, None


def _ended(status: str) -> Callable[[WatchedStep, Event], None]:
    def end(step: WatchedStep, event: Event) -> None:
        step.status, step.finished = status, event["at"]
        step.failure, step.waiting_for = event.get("failure"), None
        step.message = event.get("reason")

    return end


def _retrying(step: WatchedStep, event: Event) -> None:
    step.status, step.failure, step.attempt = "RETRYING", event["failure"], event["attempt"]


def _waiting(step: WatchedStep, event: Event) -> None:
    step.status, step.waiting_for = "WAITING", event["waitingFor"]
    step.started = step.started or event["at"]


def _resumed(step: WatchedStep, event: Event) -> None:
    del event
    step.status, step.waiting_for = "RUNNING", None


def _compensated(step: WatchedStep, event: Event) -> None:
    del event
    step.status = "COMPENSATED"


def _item_ended(step: WatchedStep, event: Event) -> None:
    (step.frames_failed if event["failed"] else step.frames_done).add(event["index"])
    step.frames.setdefault(event["index"], [])


def _progressed(step: WatchedStep, event: Event) -> None:
    step.message = event["message"] or step.message
    step.fraction = step.fraction if event["fraction"] is None else event["fraction"]


def _written(step: WatchedStep, event: Event) -> None:
    step.tail = (step.tail + event["text"])[-_TAIL:]


def _tool_called(step: WatchedStep, event: Event) -> None:
    step.message = f"calls {event['tool']}"


_STEP_EVENTS: dict[str, Callable[[WatchedStep, Event], None]] = {
    "StepStarted": _started,
    "StepSucceeded": _ended("SUCCEEDED"),
    "StepFailed": _ended("FAILED"),
    "StepSkipped": _ended("SKIPPED"),
    "StepCancelled": _ended("CANCELLED"),
    "StepRetryScheduled": _retrying,
    "StepWaiting": _waiting,
    "StepResumed": _resumed,
    "StepCompensated": _compensated,
    "ItemEnded": _item_ended,
    "StepProgressed": _progressed,
    "StepOutputDelta": _written,
    "ToolCalled": _tool_called,
}
