"""What the events of steps mean: for the step runs, for the indexes over them, and for the counts of the execution."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from engine.domain import events as e
from engine.domain.execution.state import Execution, Fan, Run
from engine.domain.execution.transitions import require_step_may
from engine.domain.failure import Usage
from engine.domain.paths import frame_of, frame_path, split_frame, within
from engine.domain.status import FailureKind, StepStatus

Changes = dict[str, Any]
"""Members of the state that an event changes, besides `seq`."""

_S = StepStatus


def _run(x: Execution, path: str) -> Run:
    run = x.runs.get(path)
    return run if run is not None else Run(kind=x.plan.node(path).kind.name)


def _put(x: Execution, path: str, run: Run) -> Changes:
    """Stores a run after a change of its status, and whatever follows from that."""
    before = x.runs.get(path)
    require_step_may(path, before.status if before else _S.PENDING, run.status)
    changes: Changes = {}
    if before is None and "." in path:
        run = replace(run, number=x.state.nested)
        changes["nested"] = x.state.nested + 1
        x.numbered.append(path)
        if not run.watched:
            _enter_frame(x, path)
    x.runs[path] = run
    if run.watched:
        _keep_watch(x, path, run)
    elif not run.status.done:
        x.open[path] = None
    elif before is None or not before.status.done:
        changes.update(_close(x, path, run))
    return changes


def _enter_frame(x: Execution, path: str) -> None:
    frame = frame_of(path)
    place = split_frame(frame)
    if place is None:
        return
    owner, index = place
    run = x.runs.get(owner)
    x.frames.setdefault(frame, 0)
    if run is not None and run.fan is not None and index >= run.fan.begun:
        x.runs[owner] = replace(run, fan=replace(run.fan, begun=index + 1))


def _keep_watch(x: Execution, path: str, run: Run) -> None:
    owner = x.scheduled(frame_of(path))
    others = tuple(other for other in x.watched.pop(owner, ()) if other != path)
    left = others if run.status.done else (*others, path)
    if left:
        x.watched[owner] = left


def _close(x: Execution, path: str, run: Run) -> Changes:
    """A scheduled run has come to its end."""
    x.open.pop(path, None)
    x.answers.pop(path, None)
    x.unfolded.pop(path, None)
    if run.fan is None:
        x.inputs.pop(path, None)
    else:
        for index in range(run.fan.total):
            x.frames.pop(frame_path(path, index), None)
    frame = frame_of(path)
    if frame in x.frames:
        x.frames[frame] += 1
    if "." in path:
        return {}
    return {"done": x.state.done + 1, "failed": x.state.failed + (run.status is _S.FAILED)}


# ------------------------------------------------------------------ a step begins, waits and goes on


def _started(x: Execution, event: e.StepStarted, seq: int) -> Changes:
    path = event.step_id
    if event.watched:
        run, timeout = x.runs.get(path) or Run(kind=event.kind, watched=True), None
    else:
        node = x.plan.node(path)
        run, timeout = _run(x, path), node.timeout
        if event.input is not None or path not in x.inputs:
            x.inputs[path] = event.input
        if node.compensates:
            x.compensable.pop(frame_of(path), None)
    fan = Fan(total=event.fan_total) if event.fan_total is not None else None
    begun = replace(
        run,
        status=_S.RUNNING,
        attempt=event.attempt,
        started_at=run.started_at or event.at,
        started_seq=run.started_seq or seq,
        not_before=None,
        waits=(),
        until=event.at + timeout if timeout else None,
        fan=run.fan or fan,
    )
    return _put(x, path, begun)


def _retry_scheduled(x: Execution, event: e.StepRetryScheduled, seq: int) -> Changes:
    run = _run(x, event.step_id)
    retrying = replace(
        run,
        status=_S.RETRYING,
        not_before=event.not_before,
        failure=event.failure,
        infra_retries=run.infra_retries + (event.failure.kind is FailureKind.INFRA),
        until=None,
        waits=(),
    )
    return _put(x, event.step_id, retrying)


def _waiting(x: Execution, event: e.StepWaiting, seq: int) -> Changes:
    run = _run(x, event.step_id)
    return _put(x, event.step_id, replace(run, status=_S.WAITING, waits=(*run.waits, event.waiting_for)))


def _resumed(x: Execution, event: e.StepResumed, seq: int) -> Changes:
    path = event.step_id
    run = _run(x, path)
    x.answers[path] = (*x.answers.get(path, ()), (event.interrupt_id, event.payload))
    waits = tuple(wait for wait in run.waits if wait.interrupt_id != event.interrupt_id)
    changes = _put(x, path, replace(run, status=_S.PENDING, waits=waits))
    if event.signal_seq is not None:
        x.payloads.pop(event.signal_seq, None)
        changes["signals"] = tuple(signal for signal in x.state.signals if signal.seq != event.signal_seq)
    return changes


# ------------------------------------------------------------------ a step ends


def _ended(run: Run, status: StepStatus, at: datetime, seq: int, **changes: Any) -> Run:
    return replace(run, status=status, finished_at=at, ended_seq=seq, until=None, waits=(), not_before=None, **changes)


def _succeeded(x: Execution, event: e.StepSucceeded, seq: int) -> Changes:
    path = event.step_id
    run = _run(x, path)
    usage = event.usage if event.kept else run.usage
    if not run.watched:
        x.values[path] = event.output
        if x.plan.node(path).compensate is not None:
            x.compensable[path] = None
    return _put(x, path, _ended(run, _S.SUCCEEDED, event.at, seq, attempt=event.attempt, failure=None, usage=usage))


def _failed(x: Execution, event: e.StepFailed, seq: int) -> Changes:
    run = _run(x, event.step_id)
    return _put(x, event.step_id, _ended(run, _S.FAILED, event.at, seq, attempt=event.attempt, failure=event.failure))


def _skipped(x: Execution, event: e.StepSkipped, seq: int) -> Changes:
    x.values[event.step_id] = None
    return _put(x, event.step_id, _ended(_run(x, event.step_id), _S.SKIPPED, event.at, seq))


def _cancelled(x: Execution, event: e.StepCancelled, seq: int) -> Changes:
    return _put(x, event.step_id, _ended(_run(x, event.step_id), _S.CANCELLED, event.at, seq))


def _compensated(x: Execution, event: e.StepCompensated, seq: int) -> Changes:
    return _put(x, event.step_id, replace(_run(x, event.step_id), status=_S.COMPENSATED))


def _item_ended(x: Execution, event: e.ItemEnded, seq: int) -> Changes:
    """The output of a frame is null where it failed, else what its template gave, else that of its last step."""
    owner, frame = event.step_id, frame_path(event.step_id, event.index)
    x.frames.pop(frame, None)
    own = event.failed or event.templated
    x.values[frame] = event.output if own else x.values.get(within(frame, x.plan.steps_at(frame).last.id))
    run = x.runs[owner]
    assert run.fan is not None
    fan = replace(
        run.fan,
        begun=max(run.fan.begun, event.index + 1),
        done=run.fan.done + 1,
        failed=run.fan.failed + event.failed,
    )
    x.runs[owner] = replace(run, fan=fan)
    return {}


# ------------------------------------------------------------------ what happens inside of a step


def _model_called(x: Execution, event: e.ModelCalled, seq: int) -> Changes:
    """Counts for the run, for every run that it is nested in, and for the execution."""
    path = event.step_id
    while path:
        run = x.runs.get(path)
        if run is not None:
            x.runs[path] = replace(run, usage=(run.usage or Usage()) + event.usage)
        place = split_frame(path) if run is None else None
        path = place[0] if place else frame_of(path)
    return {"usage": x.state.usage + event.usage}


def _checkpoint_saved(x: Execution, event: e.CheckpointSaved, seq: int) -> Changes:
    return {} if x.state.checkpointed else {"checkpointed": True}


def _recorded(x: Execution, event: e.DurableEvent, seq: int) -> Changes:
    """Told in the log, and nothing follows from it."""
    return {}


APPLY_TO_RUNS: dict[type, Callable[[Execution, Any, int], Changes]] = {
    e.StepStarted: _started,
    e.StepSucceeded: _succeeded,
    e.StepFailed: _failed,
    e.StepRetryScheduled: _retry_scheduled,
    e.StepSkipped: _skipped,
    e.StepCancelled: _cancelled,
    e.StepWaiting: _waiting,
    e.StepResumed: _resumed,
    e.StepCompensated: _compensated,
    e.ItemEnded: _item_ended,
    e.ModelCalled: _model_called,
    e.CheckpointSaved: _checkpoint_saved,
    e.ToolCalled: _recorded,
    e.ToolReturned: _recorded,
    e.LogWritten: _recorded,
}
