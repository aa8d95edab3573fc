"""The rules about executions: `decide` says what happens, `evolve` what it means. Both are pure."""

from engine.domain.execution.commands import Command
from engine.domain.execution.decide import Decision, decide
from engine.domain.execution.evolve import begin_log, evolve
from engine.domain.execution.state import Execution, Run, State
from engine.domain.execution.timers import next_due
from engine.domain.status import EXECUTION_TRANSITIONS as TRANSITIONS

__all__ = [
    "TRANSITIONS",
    "Command",
    "Decision",
    "Execution",
    "Run",
    "State",
    "begin_log",
    "decide",
    "evolve",
    "next_due",
]
