"""Guards every change of status that an event brings."""

from engine.domain.errors import WeftError
from engine.domain.status import EXECUTION_TRANSITIONS, STEP_TRANSITIONS, ExecutionStatus, StepStatus


class IllegalTransition(WeftError):
    """An event that the state does not allow: a defect in `decide`, or a log that was tampered with."""


def require_execution_may(was: ExecutionStatus, to: ExecutionStatus) -> None:
    if to not in EXECUTION_TRANSITIONS[was]:
        raise IllegalTransition(f"an execution that is {was} may not become {to}")


def require_step_may(path: str, was: StepStatus, to: StepStatus) -> None:
    if to not in STEP_TRANSITIONS[was]:
        raise IllegalTransition(f"step {path} is {was} and may not become {to}")
