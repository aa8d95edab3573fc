"""What must hold for every log, found without the code under test: from the definition and the events alone."""

from collections.abc import Callable
from typing import Any

import msgspec

from engine.domain import events as e
from engine.domain.edits import apply_edits
from engine.domain.status import EXECUTION_TRANSITIONS, STEP_TRANSITIONS, ExecutionStatus, StepStatus

_E, _S = ExecutionStatus, StepStatus
_STATUS_AFTER: dict[type[e.StepEvent], StepStatus] = {
    e.StepStarted: _S.RUNNING,
    e.StepSucceeded: _S.SUCCEEDED,
    e.StepFailed: _S.FAILED,
    e.StepRetryScheduled: _S.RETRYING,
    e.StepSkipped: _S.SKIPPED,
    e.StepCancelled: _S.CANCELLED,
    e.StepWaiting: _S.WAITING,
    e.StepResumed: _S.PENDING,
    e.StepCompensated: _S.COMPENSATED,
}
_ENDS: dict[type[e.Event], ExecutionStatus] = {
    e.ExecutionSucceeded: _E.SUCCEEDED,
    e.ExecutionFailed: _E.FAILED,
    e.ExecutionTimedOut: _E.TIMED_OUT,
    e.ExecutionCancelled: _E.CANCELLED,
}
_UNSPENT = ("INFRA", "BUDGET")


def check_log(definition: dict[str, Any], log: list[e.DurableEvent], *, taken_over: int = 0) -> None:
    """`definition` is the one that the execution began with. The first of its events but one may be taken over from another log."""
    rules = _Rules(definition)
    for place, event in enumerate(log):
        assert msgspec.json.decode(msgspec.json.encode(event), type=e.DurableEvent) == event
        if 1 <= place <= taken_over:
            rules.move(event)
        else:
            rules.see(event)


class _Rules:
    def __init__(self, definition: dict[str, Any]) -> None:
        self.definition = definition
        self.status = _E.QUEUED
        self.ending = False
        self.steps: dict[str, StepStatus] = {}
        self.watched: set[str] = set()
        self.tries: dict[tuple[str, int], int] = {}
        self.pardons: dict[tuple[str, int], int] = {}
        self.attempts: dict[str, int] = {}
        self.ended_frames: set[str] = set()

    def see(self, event: e.DurableEvent) -> None:
        assert self.status not in _ENDS.values(), f"{event} comes after the end"
        if isinstance(event, e.ExecutionQueued | e.ExecutionEdited):
            self.definition = apply_edits(self.definition, event.edits)
        elif isinstance(event, e.StepStarted):
            self._start(event)
        elif isinstance(event, e.StepSkipped):
            self._may_begin(event.step_id)
        elif isinstance(event, e.StepRetryScheduled | e.StepResumed):
            self._pardon(event)
        elif isinstance(event, e.ItemEnded):
            self.ended_frames.add(f"{event.step_id}[{event.index}]")
        self.move(event)

    # -------------------------------------------------------------- statuses

    def move(self, event: e.DurableEvent) -> None:
        if isinstance(event, e.StepEvent) and type(event) in _STATUS_AFTER:
            was, to = self.steps.get(event.step_id, _S.PENDING), _STATUS_AFTER[type(event)]
            assert to in STEP_TRANSITIONS[was], f"{event.step_id}: {was} -> {to}"
            self.steps[event.step_id] = to
            return
        new = _ENDS.get(type(event))
        if isinstance(event, e.ExecutionStarted):
            new = _E.RUNNING
        elif isinstance(event, e.ExecutionStatusChanged):
            assert event.from_ is self.status
            new, self.ending = event.to, self.ending or event.ending is not None
        if new is not None:
            assert new in EXECUTION_TRANSITIONS[self.status], f"{self.status} -> {new}"
            self.status = new
        if new in _ENDS.values():
            left = [path for path, status in self.steps.items() if not status.done]
            assert not left, f"{left} outlived the execution"

    # -------------------------------------------------------------- starts

    def _start(self, event: e.StepStarted) -> None:
        path, attempt = event.step_id, event.attempt
        if event.watched:
            self.watched.add(path)
            return
        assert self.status in (_E.RUNNING, _E.WAITING), f"{path} began while the execution was {self.status}"
        assert not self.steps.get(path, _S.PENDING).done, f"{path} began after its end"
        if path not in self.steps:
            self._may_begin(path)
        key = (path, attempt)
        self.tries[key] = self.tries.get(key, 0) + 1
        assert self.tries[key] <= 1 + self.pardons.get(key, 0), f"{path} began attempt {attempt} twice for no reason"
        assert attempt - self.attempts.get(path, 0) in (0, 1), f"{path} left an attempt out"
        self.attempts[path] = attempt

    def _pardon(self, event: e.StepRetryScheduled | e.StepResumed) -> None:
        """What allows the same attempt once more."""
        attempt = self.attempts[event.step_id]
        if isinstance(event, e.StepResumed) or event.failure.kind in _UNSPENT:
            key = (event.step_id, attempt)
            self.pardons[key] = self.pardons.get(key, 0) + 1

    def _may_begin(self, path: str) -> None:
        frame, _, step_id = path.rpartition(".")
        if step_id == "compensate" and frame and not frame.endswith("]"):
            assert self.ending, f"{path} began, though the execution is not ending"
            assert self.steps[frame] is _S.SUCCEEDED
            return
        assert not self.ending, f"{path} began, though the execution is ending"
        if frame:
            assert frame not in self.ended_frames, f"{path} began after the end of its item"
            assert self.steps[frame.rpartition("[")[0]] is _S.RUNNING, f"{path} began after its owner"
        siblings = {each["id"]: each for each in self._list(frame)}
        assert self._needs_allow(siblings, frame, siblings[step_id]), f"{path} began before what it needs was done"

    def _list(self, frame: str) -> Any:
        steps = self.definition["steps"]
        for part in frame.split(".") if frame else ():
            owner = next(each for each in steps if each["id"] == part.partition("[")[0])
            steps = owner["with"]["steps"]
        return steps

    def _needs_allow(self, siblings: dict[str, Any], frame: str, step: dict[str, Any]) -> bool:
        def status(step_id: str) -> StepStatus:
            return self.steps.get(f"{frame}.{step_id}" if frame else step_id, _S.PENDING)

        callers = [each["id"] for each in siblings.values() if _handler(each) == step["id"]]
        if callers:
            ends = [status(caller) for caller in callers]
            return _S.FAILED in ends or all(end.done for end in ends)
        done = [_is_done(siblings, status, need) for need in step["needs"]]
        if step.get("join") == "any" and any(
            end and status(need) is not _S.SKIPPED for need, end in zip(step["needs"], done, strict=True)
        ):
            return True
        return all(done)


def _handler(step: dict[str, Any]) -> str | None:
    on_error = step.get("on_error")
    return on_error["step"] if isinstance(on_error, dict) else None


def _is_done(siblings: dict[str, Any], status: Callable[[str], StepStatus], step_id: str) -> bool:
    """As the language says: SUCCEEDED, SKIPPED, or FAILED with something that makes up for it."""
    if status(step_id) is not _S.FAILED:
        return status(step_id).done
    handler = _handler(siblings[step_id])
    if handler is not None:
        return _is_done(siblings, status, handler)
    return bool(siblings[step_id].get("on_error") == "continue")
