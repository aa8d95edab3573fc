"""Events as the API sends them, for tests of those who read them."""

from typing import Any

from weft.cli.follow import Event


def event(name: str, seq: int | None = None, **own: Any) -> Event:
    """An event at that second of a minute; fields that the type has and `own` leaves out are null."""
    at = f"2026-01-01T00:00:{(seq or 0) % 60:02}.000000Z"
    return {"__typename": name, "executionId": "ex_1", "seq": seq, "at": at, **_NULLS.get(name, {}), **own}


_NULLS: dict[str, dict[str, Any]] = {
    "ExecutionSucceeded": {"output": None},
    "ExecutionCancelled": {"reason": None, "actor": None},
    "ExecutionStatusChanged": {"reason": None, "actor": None},
    "StepStarted": {"attempt": 1, "kind": "function"},
    "StepSucceeded": {"attempt": 1, "output": None, "usage": None},
    "StepProgressed": {"message": None, "fraction": None, "data": None},
}
