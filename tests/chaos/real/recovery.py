"""How long executions stood still when the worker that drove them was killed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.real.checks import time_of
from tests.chaos.real.fleet import Kill

_BY_OTHERS = ("SignalReceived", "ExecutionStatusChanged", "ExecutionEdited")
"""Events that no worker needs to be there for."""


def recoveries(kills: Sequence[Kill], executions: Mapping[str, Mapping[str, Any]]) -> Iterator[float]:
    """Seconds from a kill to the next event of each execution of which a function was under way in the victim."""
    for kill in kills:
        for execution_id in {effect.execution for effect in kill.driven}:
            events = executions[execution_id]["events"] if execution_id in executions else ()
            later = (time_of(event) for event in events if event["__typename"] not in _BY_OTHERS)
            seconds = min((at - kill.at for at in later if at > kill.at), default=None)
            if seconds is not None:
                yield seconds


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
