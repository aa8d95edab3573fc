"""Whether a step may start: what it needs is done as its `join` demands, and its `when` holds."""

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
        return _handler_readiness(x, frame, steps, node)
    if not node.needs:
        return Readiness.GO
    ends = [_end(x, frame, steps.nodes[need]) for need in node.needs]
    settled = [end for end in ends if end is not None]
    passed = any(end is not StepStatus.SKIPPED for end in settled)
    if node.join == "any" and passed:
        return Readiness.GO
    if len(settled) < len(ends):
        return Readiness.NOT_YET
    return Readiness.GO if passed or node.join == "always" else Readiness.ALL_SKIPPED


def _end(x: Execution, frame: str, node: Node) -> StepStatus | None:
    """How a needed step ended; None while it, or the handler of its failure, is not done."""
    status = x.status_of(within(frame, node.id))
    if not status.done:
        return None
    if status is StepStatus.FAILED and node.handler and not x.status_of(within(frame, node.handler)).done:
        return None
    return status


def _handler_readiness(x: Execution, frame: str, steps: Steps, node: Node) -> Readiness:
    ends = [x.status_of(within(frame, caller)) for caller in node.callers]
    if any(end is StepStatus.FAILED for end in ends):
        return Readiness.GO
    return Readiness.NOT_CALLED if all(end.done for end in ends) else Readiness.NOT_YET


def complete(x: Execution, frame: str, steps: Steps) -> bool:
    """Whether every step of the frame is done."""
    if not frame:
        return x.state.done >= len(steps.nodes)
    return all(x.status_of(within(frame, step_id)).done for step_id in steps.nodes)
