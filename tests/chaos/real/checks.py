"""What must hold for every execution, whoever was killed: found from its log as the API gives it, and from what functions did."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from tests.chaos.real.effects import Call
from tests.chaos.real.load import Accepted

CLOCK_SECONDS = 0.5
"""By so much the time of an event may differ from the time of an effect."""
_ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionCancelled": "CANCELLED",
    "ExecutionTimedOut": "TIMED_OUT",
}
Execution = dict[str, Any]
"""As `Caller.log` gives it."""
Event = dict[str, Any]


def check_execution(accepted: Accepted, execution: Execution, calls: Sequence[Call]) -> Iterator[str]:
    """Every violation, in words."""
    for problem in (
        *_log(execution),
        *_end(accepted, execution),
        *_runs(execution["events"], calls),
        *_compensation(execution["events"]),
    ):
        yield f"{accepted.id} ({accepted.shape.name}): {problem}"


def _log(execution: Execution) -> Iterator[str]:
    events = execution["events"]
    seqs = [event["seq"] for event in events]
    if seqs != list(range(1, execution["lastSeq"] + 1)):
        yield f"the log has the seqs {seqs}, the last is said to be {execution['lastSeq']}"
    ends = [event["seq"] for event in events if event["__typename"] in _ENDS]
    if ends != [len(events)]:
        yield f"terminal events stand at {ends} of {len(events)}"


def _end(accepted: Accepted, execution: Execution) -> Iterator[str]:
    status, told = execution["status"], _ENDS.get(execution["events"][-1]["__typename"])
    if not status == told == accepted.shape.status:
        yield f"it is {status}, its log says {told}; it should be {accepted.shape.status}: {execution['failure']}"
    elif status == "SUCCEEDED" and execution["output"] != accepted.shape.output(accepted.input["n"]):
        yield f"its output is {str(execution['output'])[:200]}"


def _runs(events: Sequence[Event], calls: Sequence[Call]) -> Iterator[str]:
    """A recorded result is final, and nothing runs that was not recorded as begun."""
    succeeded: dict[str, Event] = {}
    begun: Counter[tuple[str, int]] = Counter()
    functions = set()
    for event in events:
        step = event.get("stepId", "")
        if event["__typename"] == "StepStarted":
            begun[step, event["attempt"]] += 1
            functions.update([step] if event["kind"] == "function" else [])
        if event["__typename"] in ("StepStarted", "StepSucceeded", "StepFailed") and step in succeeded:
            yield f"{step}: {event['__typename']} at {event['seq']} after its success at {succeeded[step]['seq']}"
        if event["__typename"] == "StepSucceeded":
            succeeded[step] = event
    own = [call for call in calls if call.begin.step in functions]
    for (step, attempt), times in Counter((call.begin.step, call.begin.attempt) for call in own).items():
        if times > begun[step, attempt]:
            yield f"{step} ran attempt {attempt} {times} times; its start is recorded {begun[step, attempt]} times"
    for call in own:
        success = succeeded.get(call.begin.step)
        if success is not None and call.begin.at > time_of(success) + CLOCK_SECONDS:
            yield f"{call.begin.step} ran at {call.begin.at}, after its success at {time_of(success)}"
    ended = {call.begin.step for call in own if call.ended is not None}
    for step in functions & succeeded.keys() - ended:
        yield f"{step} is recorded as succeeded and never came to its end"


def _compensation(events: Sequence[Event]) -> Iterator[str]:
    """What succeeded is undone in reverse order, if the execution fails."""
    if events[-1]["__typename"] != "ExecutionFailed":
        return
    done = [
        event["stepId"] for event in events if event["__typename"] == "StepSucceeded" and "." not in event["stepId"]
    ]
    undone = [event["stepId"] for event in events if event["__typename"] == "StepCompensated"]
    if undone != done[::-1]:
        yield f"{done} succeeded and {undone} were undone"


def time_of(event: Event) -> float:
    """Unix time."""
    return datetime.fromisoformat(event["at"]).timestamp()
