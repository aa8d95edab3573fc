"""One decision in the making: a private copy of the execution, the events so far, and what is still to be followed up."""

from collections import deque
from datetime import datetime

from engine.domain.events import DurableEvent
from engine.domain.execution.evolve import apply
from engine.domain.execution.state import Execution
from engine.domain.status import ExecutionStatus

STARTS_PER_DECISION = 200
"""Steps and frames. A decision that would begin more is cut, and goes on in the next, so that a wide map neither blocks the process
nor makes one huge commit.
"""


class Work:
    def __init__(self, execution: Execution, at: datetime) -> None:
        self.x = execution.copy()
        self.at = at
        self.events: list[DurableEvent] = []
        self.settled: deque[str] = deque()
        """Paths of scheduled runs that came to their end in this decision."""
        self.unfolding: deque[str] = deque()
        """Paths of maps and loops that may begin further frames."""
        self.starts_left = STARTS_PER_DECISION

    def emit(self, event: DurableEvent) -> None:
        apply(self.x, event)
        self.events.append(event)

    @property
    def may_start(self) -> bool:
        """Whether steps of the plan may begin: not while queued, paused, ending or over."""
        state = self.x.state
        return state.status in (ExecutionStatus.RUNNING, ExecutionStatus.WAITING) and state.ending is None

    @property
    def cut(self) -> bool:
        """No more may begin in this decision."""
        return self.starts_left <= 0
