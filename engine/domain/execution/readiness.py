"""Whether a step may start: what it needs is done as its `join` demands."""

from enum import Enum

from engine.domain.execution.state import Execution
from engine.domain.paths import within
from engine.domain.plan import Node, Steps
from engine.domain.status import StepStatus


class Readiness(Enum):
    NOT_YET = "not yet"
    GO = "go"
    ALL_SKIPPED = "all the steps it needs were skipped"
    NOT_CALLED = "no step failed that would have run it"


def readiness(x: Execution, frame: str, steps: Steps, node: Node) -> Readiness:
    if node.callers:
        return _handler_readiness(x, frame, node)
    passed, missing = not node.needs, False
    for need in node.needs:
        end = _end(x, frame, steps, steps.nodes[need])
        missing = missing or end is None
        passed = passed or end not in (None, StepStatus.SKIPPED)
        if missing and node.join != "any":
            return Readiness.NOT_YET
        if passed and node.join == "any":
            return Readiness.GO
    if missing:
        return Readiness.NOT_YET
    return Readiness.GO if passed or node.join == "always" else Readiness.ALL_SKIPPED


def _end(x: Execution, frame: str, steps: Steps, node: Node) -> StepStatus | None:
    """How a needed step ended; None while it, or what makes up for its failure, is not done."""
    end = x.status_of(within(frame, node.id))
    last = end
    while last is StepStatus.FAILED and node.handler is not None:
        node = steps.nodes[node.handler]
        last = x.status_of(within(frame, node.id))
    fails = last is StepStatus.FAILED and not node.continue_on_error
    return end if last.done and not fails else None


def _handler_readiness(x: Execution, frame: str, node: Node) -> Readiness:
    ends = [x.status_of(within(frame, caller)) for caller in node.callers]
    if StepStatus.FAILED in ends:
        return Readiness.GO
    return Readiness.NOT_CALLED if all(end.done for end in ends) else Readiness.NOT_YET


def fatal(x: Execution, path: str, node: Node) -> bool:
    """Whether the step has failed, and nothing makes up for it."""
    return x.status_of(path) is StepStatus.FAILED and not (node.continue_on_error or node.handler)
