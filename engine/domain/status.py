"""The statuses of workflows, executions and step runs, and which may follow which."""

from enum import StrEnum


class WorkflowStatus(StrEnum):
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class ExecutionStatus(StrEnum):
    QUEUED = "QUEUED"
    """Accepted, not begun: waits for a worker, its delay, its lane or its concurrency key."""
    RUNNING = "RUNNING"
    """A step is ready, running or between retries, or compensation is under way."""
    WAITING = "WAITING"
    """Every open step waits for something outside; holds no lease."""
    PAUSED = "PAUSED"
    """Starts nothing; running steps end and are recorded."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def terminal(self) -> bool:
        return not EXECUTION_TRANSITIONS[self]


class StepStatus(StrEnum):
    PENDING = "PENDING"
    """Not begun, or resumed and about to begin again."""
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    RETRYING = "RETRYING"
    """Failed, and will be tried again at a recorded time."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"
    COMPENSATED = "COMPENSATED"
    """Succeeded, and was undone later."""

    @property
    def done(self) -> bool:
        return self in _DONE


class FailureKind(StrEnum):
    TASK = "TASK"
    INFRA = "INFRA"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"
    BUDGET = "BUDGET"


_E, _S = ExecutionStatus, StepStatus
_ENDS = frozenset({_E.SUCCEEDED, _E.FAILED, _E.CANCELLED, _E.TIMED_OUT})
_DONE = frozenset({_S.SUCCEEDED, _S.FAILED, _S.SKIPPED, _S.CANCELLED, _S.COMPENSATED})

EXECUTION_TRANSITIONS: dict[ExecutionStatus, frozenset[ExecutionStatus]] = {
    _E.QUEUED: frozenset({_E.RUNNING, _E.PAUSED, _E.FAILED, _E.CANCELLED, _E.TIMED_OUT}),
    _E.RUNNING: frozenset({_E.RUNNING, _E.WAITING, _E.PAUSED}) | _ENDS,
    _E.WAITING: frozenset({_E.RUNNING, _E.PAUSED}) | _ENDS,
    _E.PAUSED: frozenset({_E.QUEUED, _E.RUNNING, _E.FAILED, _E.CANCELLED, _E.TIMED_OUT}),
    _E.SUCCEEDED: frozenset(),
    _E.FAILED: frozenset(),
    _E.CANCELLED: frozenset(),
    _E.TIMED_OUT: frozenset(),
}
"""RUNNING may follow RUNNING: that an ending compensates first is recorded as such a change."""

STEP_TRANSITIONS: dict[StepStatus, frozenset[StepStatus]] = {
    _S.PENDING: frozenset({_S.PENDING, _S.RUNNING, _S.SUCCEEDED, _S.FAILED, _S.SKIPPED, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.WAITING, _S.RETRYING, _S.SUCCEEDED, _S.FAILED, _S.CANCELLED}),
    _S.WAITING: frozenset({_S.PENDING, _S.RUNNING, _S.WAITING, _S.RETRYING, _S.SUCCEEDED, _S.FAILED, _S.CANCELLED}),
    _S.RETRYING: frozenset({_S.RUNNING, _S.CANCELLED}),
    _S.SUCCEEDED: frozenset({_S.COMPENSATED}),
    _S.FAILED: frozenset(),
    _S.SKIPPED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.COMPENSATED: frozenset(),
}
"""WAITING may follow WAITING, a step may wait for several answers; and PENDING follow PENDING, where a second answer comes before the
step has begun again. PENDING to SUCCEEDED, FAILED or SKIPPED is also how results are taken over from another execution.
"""
