"""Events as lines of text, for logs and for terminals that cannot redraw."""

from collections.abc import Callable

from weft.cli.follow import ENDINGS, Event
from weft.cli.output import moment, one_line


def event_line(event: Event) -> str | None:
    """None for events that say nothing to people who read along, such as checkpoints and single tokens."""
    describe = _LINES.get(event["__typename"])
    if describe is None:
        return None
    at = moment(event["at"]).astimezone().strftime("%H:%M:%S")
    return f"{at}  {event.get('stepId') or 'execution'}  {describe(event)}"


def _failure(event: Event) -> str:
    failure = event["failure"]
    return f"{failure['code']}: {one_line(failure['message'], 300)}"


def _ended(event: Event) -> str:
    status = ENDINGS[event["__typename"]].lower().replace("_", " ")
    if event.get("failure"):
        return f"{status}: {_failure(event)}"
    return status + (f": {one_line(event['reason'])}" if event.get("reason") else "")


def _status_changed(event: Event) -> str:
    reason = f": {one_line(event['reason'])}" if event["reason"] else ""
    return f"{event['from'].lower()} -> {event['to'].lower()}{reason}"


def _waiting(event: Event) -> str:
    wait = event["waitingFor"]
    asked = wait["prompt"] or wait["signal"] or wait["executionId"] or wait["until"]
    return f"waits for {wait['kind']}" + (f": {one_line(asked)}" if asked else "")


_LINES: dict[str, Callable[[Event], str]] = {
    "ExecutionQueued": lambda event: f"queued in lane {event['lane']}",
    "ExecutionStarted": lambda _: "started",
    "ExecutionStatusChanged": _status_changed,
    "ExecutionEdited": lambda event: f"edited, now revision {event['revision']}",
    **dict.fromkeys(ENDINGS, _ended),
    "SignalReceived": lambda event: f"got the signal {event['name']}",
    "StepStarted": lambda event: f"started, attempt {event['attempt']}",
    "StepSucceeded": lambda event: f"succeeded: {one_line(event['output'])}",
    "StepFailed": lambda event: f"failed: {_failure(event)}",
    "StepRetryScheduled": lambda event: f"attempt {event['attempt']} failed, tried again later: {_failure(event)}",
    "StepSkipped": lambda event: f"skipped: {one_line(event['reason'])}",
    "StepCancelled": lambda _: "cancelled",
    "StepWaiting": _waiting,
    "StepResumed": lambda _: "resumed",
    "StepCompensated": lambda _: "undone",
    "ToolCalled": lambda event: f"calls {event['tool']} {one_line(event['arguments'])}",
    "ToolReturned": lambda event: f"{event['tool']} returned",
    "LogWritten": lambda event: f"{event['level']}: {one_line(event['message'], 300)}",
}
