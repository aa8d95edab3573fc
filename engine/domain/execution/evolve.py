"""evolve(execution, event): what each event of the log means. The only place where an execution's state changes."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from engine.domain import events as e
from engine.domain.edits import apply_edits
from engine.domain.errors import WeftError
from engine.domain.execution.state import Ending, Execution, Fan, Run, SignalInBox, State
from engine.domain.paths import frame_of, frames, split_frame
from engine.domain.plan import Plan, compile_plan
from engine.domain.status import EXECUTION_TRANSITIONS, STEP_TRANSITIONS, ExecutionStatus, StepStatus

Changes = dict[str, Any]
_S = StepStatus


class IllegalTransition(WeftError):
    """An event that the state does not allow: a defect in `decide`, or a log that was tampered with."""


def begin_log(event: e.ExecutionQueued, *, execution_id: str, tenant: str, plan: Plan) -> Execution:
    """The execution after the first event of its log."""
    if event.edits:
        plan = compile_plan(apply_edits(plan.definition, event.edits), plan.kinds)
    state = State(
        id=execution_id,
        tenant=tenant,
        workflow_id=event.workflow_id,
        workflow=event.workflow,
        version=event.version,
        status=ExecutionStatus.QUEUED,
        lane=event.lane,
        created_at=event.at,
        seq=1,
        priority=event.priority,
        labels=event.labels,
        actor=event.actor,
        input=event.input,
        budget=event.budget,
        not_before=event.not_before,
        deadline=event.deadline,
        parent_id=event.parent_id,
        parent_step=event.parent_step,
        on_parent_close=event.on_parent_close,
        forked_from=event.forked_from,
        trigger_id=event.trigger_id,
        batch_id=event.batch_id,
        concurrency_key=event.concurrency_key,
        admitted=event.admitted,
        edits=event.edits,
    )
    return Execution(state=state, plan=plan)


def evolve(execution: Execution, events: Iterable[e.DurableEvent]) -> Execution:
    """The execution after these events. Leaves the given one as it is."""
    after = execution.copy()
    for event in events:
        apply(after, event)
    return after


def apply(x: Execution, event: e.DurableEvent) -> None:
    """Changes `x`, which must be the caller's own copy."""
    seq = x.state.seq + 1
    changes = _APPLY[type(event)](x, event, seq)
    x.state = replace(x.state, seq=seq, **changes)


# ------------------------------------------------------------------ the execution


def _moved(x: Execution, to: ExecutionStatus, **changes: Any) -> Changes:
    if to not in EXECUTION_TRANSITIONS[x.state.status]:
        raise IllegalTransition(f"{x.state.id}: {x.state.status} may not become {to}")
    return {"status": to, **changes}


def _queued(x: Execution, event: e.ExecutionQueued, seq: int) -> Changes:
    raise IllegalTransition(f"{x.state.id}: ExecutionQueued is the first event of a log, not number {seq}")


def _admitted(x: Execution, event: e.ExecutionAdmitted, seq: int) -> Changes:
    return {"admitted": True}


def _started(x: Execution, event: e.ExecutionStarted, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.RUNNING, started_at=event.at, deadline=_deadline(x, event.at))


def _deadline(x: Execution, started_at: datetime) -> datetime | None:
    timeout = x.plan.workflow.timeout
    given = x.state.deadline
    if timeout is None:
        return given
    return min(given, started_at + timeout) if given else started_at + timeout


def _status_changed(x: Execution, event: e.ExecutionStatusChanged, seq: int) -> Changes:
    changes: Changes = {}
    if event.ending is not None:
        changes["ending"] = Ending(status=event.ending, failure=event.failure, reason=event.reason, actor=event.actor)
    if event.budget is not None:
        changes["budget"] = event.budget
    return _moved(x, event.to, **changes)


def _edited(x: Execution, event: e.ExecutionEdited, seq: int) -> Changes:
    x.plan = compile_plan(apply_edits(x.plan.definition, event.edits), x.plan.kinds)
    return {"revision": event.revision, "edits": (*x.state.edits, *event.edits)}


def _succeeded(x: Execution, event: e.ExecutionSucceeded, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.SUCCEEDED, output=event.output, finished_at=event.at)


def _failed(x: Execution, event: e.ExecutionFailed, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.FAILED, failure=event.failure, finished_at=event.at)


def _timed_out(x: Execution, event: e.ExecutionTimedOut, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.TIMED_OUT, failure=event.failure, finished_at=event.at)


def _cancelled(x: Execution, event: e.ExecutionCancelled, seq: int) -> Changes:
    return _moved(x, ExecutionStatus.CANCELLED, finished_at=event.at)


def _signal_received(x: Execution, event: e.SignalReceived, seq: int) -> Changes:
    x.payloads[seq] = event.payload
    return {"signals": (*x.state.signals, SignalInBox(event.name, seq))}


# ------------------------------------------------------------------ its steps


def _run(x: Execution, path: str) -> Run:
    run = x.runs.get(path)
    return run if run is not None else Run(kind=x.plan.node(path).kind.name)


def _put(x: Execution, path: str, run: Run) -> Changes:
    """Stores a run whose status may have changed; keeps the indexes and counts that follow from it."""
    before = x.runs.get(path)
    was = before.status if before else _S.PENDING
    if run.status is not was and run.status not in STEP_TRANSITIONS[was]:
        raise IllegalTransition(f"{x.state.id}: step {path} may not become {run.status} from {was}")
    changes: Changes = {}
    if before is None and "." in path:
        run = replace(run, number=x.state.nested)
        changes["nested"] = x.state.nested + 1
        x.numbered.append(path)
        _enter_frame(x, path)
    x.runs[path] = run
    index = x.watched if run.watched else x.open
    if not run.status.done:
        index[path] = None
    elif path in index:
        del index[path]
    if run.status.done and not was.done:
        x.inputs.pop(path, None)
        x.answers.pop(path, None)
        if "." not in path:
            changes["done"] = x.state.done + 1
            changes["failed"] = x.state.failed + (run.status is _S.FAILED)
    return changes


def _enter_frame(x: Execution, path: str) -> None:
    frame = frame_of(path)
    place = split_frame(frame)
    if place is None:
        return
    owner, index = place
    run = x.runs.get(owner)
    x.frames[frame] = None
    if run is not None and run.fan is not None and index >= run.fan.begun:
        x.runs[owner] = replace(run, fan=replace(run.fan, begun=index + 1))


def _step_started(x: Execution, event: e.StepStarted, seq: int) -> Changes:
    path = event.step_id
    if event.watched:
        run = x.runs.get(path) or Run(kind=event.kind, watched=True)
        timeout = None
    else:
        run = _run(x, path)
        timeout = x.plan.node(path).timeout
        if event.input is not None or path not in x.inputs:
            x.inputs[path] = event.input
    return _put(
        x,
        path,
        replace(
            run,
            status=_S.RUNNING,
            attempt=event.attempt,
            started_at=run.started_at or event.at,
            started_seq=run.started_seq or seq,
            not_before=None,
            waits=(),
            until=event.at + timeout if timeout else None,
            fan=run.fan or (Fan(total=event.fan_total) if event.fan_total is not None else None),
        ),
    )


def _ended(run: Run, status: StepStatus, at: datetime, seq: int, **changes: Any) -> Run:
    return replace(run, status=status, finished_at=at, ended_seq=seq, until=None, waits=(), not_before=None, **changes)


def _step_succeeded(x: Execution, event: e.StepSucceeded, seq: int) -> Changes:
    run = x.runs.get(event.step_id) or _run(x, event.step_id)
    if not run.watched:
        x.values[event.step_id] = event.output
    ended = _ended(run, _S.SUCCEEDED, event.at, seq, attempt=event.attempt, failure=None)
    return _put(x, event.step_id, replace(ended, usage=event.usage) if event.kept else ended)


def _step_failed(x: Execution, event: e.StepFailed, seq: int) -> Changes:
    run = _run(x, event.step_id)
    return _put(x, event.step_id, _ended(run, _S.FAILED, event.at, seq, attempt=event.attempt, failure=event.failure))


def _retry_scheduled(x: Execution, event: e.StepRetryScheduled, seq: int) -> Changes:
    run = _run(x, event.step_id)
    infra = run.infra_retries + (event.failure.kind == "INFRA")
    return _put(
        x,
        event.step_id,
        replace(
            run,
            status=_S.RETRYING,
            not_before=event.not_before,
            failure=event.failure,
            infra_retries=infra,
            until=None,
            waits=(),
        ),
    )


def _step_skipped(x: Execution, event: e.StepSkipped, seq: int) -> Changes:
    x.values[event.step_id] = None
    return _put(x, event.step_id, _ended(_run(x, event.step_id), _S.SKIPPED, event.at, seq))


def _step_cancelled(x: Execution, event: e.StepCancelled, seq: int) -> Changes:
    return _put(x, event.step_id, _ended(_run(x, event.step_id), _S.CANCELLED, event.at, seq))


def _step_waiting(x: Execution, event: e.StepWaiting, seq: int) -> Changes:
    run = _run(x, event.step_id)
    waits = (*run.waits, event.waiting_for) if run.status is _S.WAITING else (event.waiting_for,)
    return _put(x, event.step_id, replace(run, status=_S.WAITING, waits=waits))


def _step_resumed(x: Execution, event: e.StepResumed, seq: int) -> Changes:
    path = event.step_id
    run = _run(x, path)
    x.answers[path] = (*x.answers.get(path, ()), (event.interrupt_id, event.payload))
    waits = tuple(wait for wait in run.waits if wait.interrupt_id != event.interrupt_id)
    changes = _put(x, path, replace(run, status=_S.PENDING, waits=waits))
    if event.signal_seq is not None:
        x.payloads.pop(event.signal_seq, None)
        changes["signals"] = tuple(signal for signal in x.state.signals if signal.seq != event.signal_seq)
    return changes


def _compensated(x: Execution, event: e.StepCompensated, seq: int) -> Changes:
    return _put(x, event.step_id, replace(_run(x, event.step_id), status=_S.COMPENSATED))


def _item_ended(x: Execution, event: e.ItemEnded, seq: int) -> Changes:
    frame = f"{event.step_id}[{event.index}]"
    x.frames.pop(frame, None)
    if event.output is not None:
        x.values[frame] = event.output
    run = x.runs.get(event.step_id)
    if run is not None and run.fan is not None:
        fan = run.fan
        x.runs[event.step_id] = replace(
            run,
            fan=replace(
                fan, begun=max(fan.begun, event.index + 1), done=fan.done + 1, failed=fan.failed + event.failed
            ),
        )
    return {}


def _model_called(x: Execution, event: e.ModelCalled, seq: int) -> Changes:
    for path in (event.step_id, *frames(event.step_id)):
        run = x.runs.get(path)
        if run is not None:
            x.runs[path] = replace(run, usage=run.usage + event.usage if run.usage else event.usage)
    return {"usage": x.state.usage + event.usage}


def _recorded(x: Execution, event: e.DurableEvent, seq: int) -> Changes:
    """Told in the log, and nothing follows from it."""
    return {}


_APPLY: dict[type, Callable[[Execution, Any, int], Changes]] = {
    e.ExecutionQueued: _queued,
    e.ExecutionAdmitted: _admitted,
    e.ExecutionStarted: _started,
    e.ExecutionStatusChanged: _status_changed,
    e.ExecutionEdited: _edited,
    e.ExecutionSucceeded: _succeeded,
    e.ExecutionFailed: _failed,
    e.ExecutionTimedOut: _timed_out,
    e.ExecutionCancelled: _cancelled,
    e.SignalReceived: _signal_received,
    e.StepStarted: _step_started,
    e.StepSucceeded: _step_succeeded,
    e.StepFailed: _step_failed,
    e.StepRetryScheduled: _retry_scheduled,
    e.StepSkipped: _step_skipped,
    e.StepCancelled: _step_cancelled,
    e.StepWaiting: _step_waiting,
    e.StepResumed: _step_resumed,
    e.StepCompensated: _compensated,
    e.ItemEnded: _item_ended,
    e.ModelCalled: _model_called,
    e.CheckpointSaved: _recorded,
    e.ToolCalled: _recorded,
    e.ToolReturned: _recorded,
    e.LogWritten: _recorded,
}
