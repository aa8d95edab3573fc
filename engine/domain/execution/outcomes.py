"""What becomes of a step run: it succeeds, fails, is tried again, waits, goes on, or is cancelled."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from engine.domain.definition import Retry
from engine.domain.errors import Path, Problem
from engine.domain.events import (
    StepCancelled,
    StepFailed,
    StepResumed,
    StepRetryScheduled,
    StepSucceeded,
    StepWaiting,
)
from engine.domain.execution.state import Run, SignalInBox
from engine.domain.execution.work import Work
from engine.domain.failure import Failure
from engine.domain.paths import frame_path, within
from engine.domain.schemas import validate
from engine.domain.status import FailureKind
from engine.domain.waiting import WaitingFor, WaitKind

MAX_INFRA_RETRIES = 10
INFRA_RETRY = Retry()


def succeed(work: Work, path: str, output: Any) -> None:
    close_watched(work, path)
    run = work.x.runs[path]
    work.emit(StepSucceeded(at=work.at, step_id=path, attempt=run.attempt, output=output, usage=run.usage))
    work.settled.append(path)


def fail(work: Work, path: str, failure: Failure) -> None:
    """Schedules another attempt if the policy grants one; else the step has failed for good."""
    close_watched(work, path)
    run = work.x.runs[path]
    at, attempt = work.at, run.attempt
    failure = replace(failure, step_id=failure.step_id or path)
    delay = _retry_delay(work, path, run, failure)
    if delay is not None:
        work.emit(StepRetryScheduled(at=at, step_id=path, attempt=attempt, not_before=at + delay, failure=failure))
        return
    work.emit(StepFailed(at=at, step_id=path, attempt=attempt, failure=failure, usage=run.usage))
    work.settled.append(path)


def _retry_delay(work: Work, path: str, run: Run, failure: Failure) -> timedelta | None:
    """How long to wait before the next try; None if there is none. Of maps and loops only what is inside is tried again."""
    node = work.x.plan.node(path)
    if node.composite:
        return None
    if failure.kind is FailureKind.BUDGET:
        return timedelta()
    if failure.kind is FailureKind.INFRA:
        retries = run.infra_retries
        return _back_off(work, path, INFRA_RETRY, retries + 1) if retries < MAX_INFRA_RETRIES else None
    policy = node.retry
    final = not failure.retryable or failure.code in policy.non_retryable or run.attempt >= policy.max_attempts
    return None if final else _back_off(work, path, policy, run.attempt)


def _back_off(work: Work, path: str, policy: Retry, failures: int) -> timedelta:
    """`initial * backoff^(failures-1)`, capped, spread by jitter. The spread is drawn from a hash, so that replays agree."""
    seconds = policy.initial.total_seconds() * policy.backoff ** min(failures - 1, 64)
    capped = min(seconds, policy.max.total_seconds())
    seed = f"{work.x.state.id}\x1f{path}\x1f{failures}".encode()
    draw = int.from_bytes(hashlib.sha256(seed).digest()[:4], "big") / 2**32
    return timedelta(seconds=capped * (1 + policy.jitter * (2 * draw - 1)))


# ------------------------------------------------------------------ waiting, and going on


def wait(work: Work, path: str, waits: Iterable[WaitingFor]) -> None:
    """A signal that came earlier is taken at once, and a time that has come is not waited for."""
    waits = tuple(waits)
    for waiting_for in waits:
        work.emit(StepWaiting(at=work.at, step_id=path, waiting_for=waiting_for))
    for waiting_for in waits:
        if path not in work.x.open:
            return
        early = _early_signal(work, waiting_for) if waiting_for.kind is WaitKind.SIGNAL else None
        if early is not None:
            take_signal(work, path, waiting_for, early)
        elif waiting_for.kind is WaitKind.TIMER and overdue(waiting_for, work.at):
            time_out(work, path, waiting_for)


def overdue(waiting_for: WaitingFor, at: datetime) -> bool:
    return waiting_for.until is not None and waiting_for.until <= at


def _early_signal(work: Work, waiting_for: WaitingFor) -> SignalInBox | None:
    """The oldest one in the box that the step accepts."""
    for signal in work.x.state.signals:
        payload = work.x.payloads[signal.seq]
        if signal.name == waiting_for.signal and not schema_problems(payload, waiting_for.schema):
            return signal
    return None


def take_signal(work: Work, path: str, waiting_for: WaitingFor, signal: SignalInBox) -> None:
    resume(work, path, waiting_for, work.x.payloads[signal.seq], signal_seq=signal.seq)


def resume(
    work: Work,
    path: str,
    waiting_for: WaitingFor,
    payload: Any,
    *,
    actor: str | None = None,
    signal_seq: int | None = None,
) -> None:
    """What a step waited for has come: it is its output, unless the step was interrupted, begins again and goes on with it."""
    interrupt_id = waiting_for.interrupt_id
    work.emit(
        StepResumed(
            at=work.at, step_id=path, payload=payload, actor=actor, interrupt_id=interrupt_id, signal_seq=signal_seq
        )
    )
    if interrupt_id is None:
        succeed(work, path, payload)


def reject(work: Work, path: str, waiting_for: WaitingFor, message: str, *, actor: str | None) -> None:
    """What a step waited for has come, and it is a failure: final, however often the step may be tried."""
    interrupt_id, payload = waiting_for.interrupt_id, {"failure": message}
    work.emit(StepResumed(at=work.at, step_id=path, payload=payload, actor=actor, interrupt_id=interrupt_id))
    fail(work, path, Failure(kind=FailureKind.TASK, code="rejected", message=message, retryable=False))


def schema_problems(value: Any, schema: Any, *, path: Path = ()) -> list[Problem]:
    return validate(value, schema, path=path) if schema is not None else []


def time_out(work: Work, path: str, waiting_for: WaitingFor | None) -> None:
    """The wait or, with None, the attempt is over its time."""
    if waiting_for is None:
        _give_up(work, path, "not done in time")
    elif waiting_for.kind is not WaitKind.TIMER and waiting_for.on_timeout != "continue":
        _give_up(work, path, f"no answer ({waiting_for.kind}) in time")
    elif waiting_for.interrupt_id is not None:
        resume(work, path, waiting_for, None)
    else:
        succeed(work, path, None)


def _give_up(work: Work, path: str, message: str) -> None:
    cancel_below(work, path, "the step timed out")
    fail(work, path, Failure(kind=FailureKind.TIMEOUT, code="step_timeout", message=message))


# ------------------------------------------------------------------ cancelling


def cancel(work: Work, path: str, reason: str | None) -> None:
    close_watched(work, path)
    work.emit(StepCancelled(at=work.at, step_id=path, reason=reason))


def cancel_frame(work: Work, frame: str, reason: str) -> None:
    """Cancels the open runs of an item or round, and what is nested in them."""
    for step_id in work.x.plan.steps_at(frame).nodes:
        path = within(frame, step_id)
        if path in work.x.open:
            cancel_below(work, path, reason)
            cancel(work, path, reason)


def cancel_below(work: Work, owner: str, reason: str) -> None:
    """Cancels the open runs nested in a map or loop."""
    fan = work.x.runs[owner].fan
    for index in range(fan.begun if fan else 0):
        frame = frame_path(owner, index)
        if frame in work.x.frames:
            cancel_frame(work, frame, reason)


def close_watched(work: Work, owner: str) -> None:
    """The runs inside a step do not outlive its attempt."""
    for path in work.x.watched.get(owner, ()):
        work.emit(StepCancelled(at=work.at, step_id=path, reason="the step it belongs to ended"))
