"""What becomes of a step run: it succeeds, fails, is tried again, or waits."""

import hashlib
from datetime import timedelta
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
from engine.domain.schemas import validate
from engine.domain.status import FailureKind
from engine.domain.waiting import WaitingFor, WaitKind

MAX_INFRA_RETRIES = 10
INFRA_RETRY = Retry()


def succeed(work: Work, path: str, output: Any) -> None:
    run = work.x.runs[path]
    close_watched(work, path)
    work.emit(StepSucceeded(at=work.at, step_id=path, attempt=max(run.attempt, 1), output=output, usage=run.usage))
    work.settled.append(path)


def fail(work: Work, path: str, failure: Failure) -> None:
    """Schedules another attempt if the policy grants one; else the step has failed for good."""
    run = work.x.runs.get(path)
    attempt = max(run.attempt, 1) if run else 1
    failure = replace(failure, step_id=failure.step_id or path)
    close_watched(work, path)
    delay = _retry_delay(work, path, run, failure)
    if delay is not None:
        work.emit(
            StepRetryScheduled(at=work.at, step_id=path, attempt=attempt, not_before=work.at + delay, failure=failure)
        )
        return
    usage = run.usage if run else None
    work.emit(StepFailed(at=work.at, step_id=path, attempt=attempt, failure=failure, usage=usage))
    work.settled.append(path)


def _retry_delay(work: Work, path: str, run: Run | None, failure: Failure) -> timedelta | None:
    """How long to wait before the next try; None if there is none."""
    if failure.kind is FailureKind.INFRA:
        retries = run.infra_retries if run else 0
        return _back_off(work, path, INFRA_RETRY, retries + 1) if retries < MAX_INFRA_RETRIES else None
    if failure.kind is FailureKind.BUDGET:
        return timedelta()
    policy = work.x.plan.node(path).retry
    attempt = max(run.attempt, 1) if run else 1
    final = not failure.retryable or failure.code in policy.non_retryable or attempt >= policy.max_attempts
    return None if final else _back_off(work, path, policy, attempt)


def _back_off(work: Work, path: str, policy: Retry, failures: int) -> timedelta:
    """`initial * backoff^(failures-1)`, capped, spread by jitter. The spread is drawn from a hash, so that replays agree."""
    seconds = policy.initial.total_seconds() * policy.backoff ** min(failures - 1, 64)
    capped = min(seconds, policy.max.total_seconds())
    seed = f"{work.x.state.id}\x1f{path}\x1f{failures}".encode()
    draw = int.from_bytes(hashlib.sha256(seed).digest()[:4], "big") / 2**32
    return timedelta(seconds=capped * (1 + policy.jitter * (2 * draw - 1)))


def wait(work: Work, path: str, waits: tuple[WaitingFor, ...]) -> None:
    """A signal that came earlier is taken at once."""
    first = waits[0]
    if first.kind is WaitKind.SIGNAL:
        early = _early_signal(work, first)
        if early is not None:
            work.emit(StepWaiting(at=work.at, step_id=path, waiting_for=first))
            take_signal(work, path, early)
            return
    for waiting_for in waits:
        work.emit(StepWaiting(at=work.at, step_id=path, waiting_for=waiting_for))


def _early_signal(work: Work, waiting_for: WaitingFor) -> SignalInBox | None:
    """The oldest one in the box that the step accepts."""
    for signal in work.x.state.signals:
        payload = work.x.payloads.get(signal.seq)
        if signal.name == waiting_for.signal and not schema_problems(payload, waiting_for.schema):
            return signal
    return None


def take_signal(work: Work, path: str, signal: SignalInBox) -> None:
    payload = work.x.payloads.get(signal.seq)
    work.emit(StepResumed(at=work.at, step_id=path, payload=payload, signal_seq=signal.seq))
    succeed(work, path, payload)


def schema_problems(value: Any, schema: Any, *, path: Path = ()) -> list[Problem]:
    return validate(value, schema, path=path) if schema is not None else []


def time_out(work: Work, path: str, waiting_for: WaitingFor | None) -> None:
    """The wait or the run is over its time."""
    if waiting_for is not None and waiting_for.kind is WaitKind.TIMER:
        succeed(work, path, None)
    elif waiting_for is not None and waiting_for.on_timeout == "continue":
        succeed(work, path, None)
    else:
        cancel_below(work, path, "the step timed out")
        what = f"no answer ({waiting_for.kind})" if waiting_for else "not done"
        fail(work, path, Failure(kind=FailureKind.TIMEOUT, code="step_timeout", message=f"{what} in time"))


def cancel(work: Work, path: str, reason: str | None) -> None:
    close_watched(work, path)
    work.emit(StepCancelled(at=work.at, step_id=path, reason=reason))


def cancel_below(work: Work, owner: str, reason: str) -> None:
    """Cancels the open runs nested in a step."""
    for path in [path for path in work.x.open if path.startswith(f"{owner}[")]:
        cancel(work, path, reason)


def close_watched(work: Work, owner: str) -> None:
    """The runs inside a step do not outlive its attempt."""
    for path in [path for path in work.x.watched if path.startswith(f"{owner}.")]:
        work.emit(StepCancelled(at=work.at, step_id=path, reason="the step it belongs to ended"))
