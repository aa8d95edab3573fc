"""What follows from the end of a step: others start, frames and the whole execution end. Works through a list, never by recursion."""

from engine.domain.events import ExecutionSucceeded, ItemEnded, StepFailed, StepSkipped
from engine.domain.execution.begin import begin, unfolding_of
from engine.domain.execution.closing import begin_ending, go_on_ending
from engine.domain.execution.outcomes import cancel, cancel_below, fail, succeed
from engine.domain.execution.readiness import Readiness, complete, readiness
from engine.domain.execution.scope import frame_output, scope_of
from engine.domain.execution.state import Fan
from engine.domain.execution.work import Work
from engine.domain.expressions import ExpressionFailed, condition, render
from engine.domain.failure import Failure
from engine.domain.kinds import MapOver, Repeat
from engine.domain.paths import frame_of, frame_path, split_frame, within
from engine.domain.plan import Node, Steps
from engine.domain.status import ExecutionStatus, FailureKind, StepStatus

_WHEN_FALSE = "`when` is false"


def follow_up(work: Work) -> None:
    """Until nothing more follows."""
    while work.settled or work.unfolding:
        if work.settled:
            _settled(work, work.settled.popleft())
        else:
            _unfold(work, work.unfolding.popleft())


def start_ready(work: Work) -> None:
    """Looks at every step that has not begun in every open frame."""
    if not work.may_start:
        return
    _start_frame(work, "")
    for frame in list(work.x.frames):
        place = split_frame(frame)
        if place and work.x.status_of(place[0]) is StepStatus.RUNNING and frame in work.x.frames:
            _start_frame(work, frame)
    for path in list(work.x.open):
        if work.x.plan.node(path).composite and work.x.runs[path].status is StepStatus.RUNNING:
            work.unfolding.append(path)
    follow_up(work)


def _settled(work: Work, path: str) -> None:
    if work.x.state.terminal:
        return
    if work.x.state.ending is not None:
        go_on_ending(work, path)
        return
    frame = frame_of(path)
    steps = work.x.plan.steps_at(frame)
    node = work.x.plan.node(path)
    if _fatal(work, path, node):
        _fail_frame(work, frame, path)
        return
    for dependent in steps.dependents[node.id]:
        _consider(work, frame, steps, steps.nodes[dependent])
    for caller in node.callers:
        for dependent in steps.dependents[caller]:
            _consider(work, frame, steps, steps.nodes[dependent])
    _end_if_complete(work, frame, steps)


def _fatal(work: Work, path: str, node: Node) -> bool:
    """Whether the step has failed, and nothing makes up for it."""
    return work.x.status_of(path) is StepStatus.FAILED and not (node.continue_on_error or node.handler)


def _fail_frame(work: Work, frame: str, path: str) -> None:
    failure = work.x.runs[path].failure
    assert failure is not None
    if frame:
        _end_frame(work, frame, failure)
    else:
        begin_ending(work, ExecutionStatus.FAILED, failure=failure)


def _start_frame(work: Work, frame: str) -> None:
    """A step that failed by an answer from outside, say, is followed up here: whoever answered does not schedule."""
    steps = work.x.plan.steps_at(frame)
    for node in steps.nodes.values():
        path = within(frame, node.id)
        if path not in work.x.runs:
            _consider(work, frame, steps, node)
        elif _fatal(work, path, node):
            _fail_frame(work, frame, path)
            return
    _end_if_complete(work, frame, steps)


def _consider(work: Work, frame: str, steps: Steps, node: Node) -> None:
    """Starts or skips a step that has not begun, if it is ready."""
    path = within(frame, node.id)
    if path in work.x.runs or work.starts_left <= 0 or not work.may_start:
        return
    ready = readiness(work.x, frame, steps, node)
    if ready is Readiness.NOT_YET:
        return
    if ready is not Readiness.GO:
        _skip(work, path, ready.value)
        return
    try:
        holds = node.when is None or condition(node.when, scope_of(work.x, frame, work.at))
    except ExpressionFailed as error:
        failure = _expression_failure(error, path, "when")
        work.emit(StepFailed(at=work.at, step_id=path, attempt=1, failure=failure))
        work.settled.append(path)
        return
    if holds:
        begin(work, path, node)
    else:
        _skip(work, path, _WHEN_FALSE)


def _skip(work: Work, path: str, reason: str) -> None:
    work.starts_left -= 1
    work.emit(StepSkipped(at=work.at, step_id=path, reason=reason))
    work.settled.append(path)


def _end_if_complete(work: Work, frame: str, steps: Steps) -> None:
    if work.x.state.terminal or work.x.state.ending is not None or not complete(work.x, frame, steps):
        return
    if frame:
        _end_frame(work, frame, None)
    elif work.may_start:
        _finish(work)


def _finish(work: Work) -> None:
    try:
        output = render(work.x.plan.workflow.output, scope_of(work.x, "", work.at))
    except ExpressionFailed as error:
        begin_ending(work, ExecutionStatus.FAILED, failure=_expression_failure(error, None, "output"))
        return
    work.emit(ExecutionSucceeded(at=work.at, output=output))


# ------------------------------------------------------------------ maps and loops


def _unfold(work: Work, owner: str) -> None:
    """Begins as many frames as the map's concurrency, or the loop's order, allows."""
    run = work.x.runs[owner]
    if run.status is not StepStatus.RUNNING or not work.may_start:
        return
    node = work.x.plan.node(owner)
    unfolding = unfolding_of(work, owner, node)
    if isinstance(unfolding, Repeat):
        _next_round(work, owner, unfolding)
    else:
        _feed(work, owner, unfolding)


def _feed(work: Work, owner: str, unfolding: MapOver) -> None:
    while (fan := _fan(work, owner)) and fan.begun < fan.total and fan.begun - fan.done < unfolding.concurrency:
        if work.starts_left <= 0:
            return
        _start_frame(work, frame_path(owner, fan.begun))
    fan = _fan(work, owner)
    if fan and fan.done == fan.total:
        succeed(work, owner, [frame_output(work.x, owner, index) for index in range(fan.total)])


def _next_round(work: Work, owner: str, unfolding: Repeat) -> None:
    fan = _fan(work, owner)
    if fan is None or fan.begun > fan.done or work.starts_left <= 0:
        return
    if fan.done:
        last_round = scope_of(work.x, frame_path(owner, fan.done - 1), work.at)
        try:
            over = fan.done == fan.total or (unfolding.until is not None and condition(unfolding.until, last_round))
        except ExpressionFailed as error:
            fail(work, owner, _expression_failure(error, owner, "until"))
            return
        if over:
            succeed(work, owner, frame_output(work.x, owner, fan.done - 1))
            return
    _start_frame(work, frame_path(owner, fan.begun))


def _fan(work: Work, owner: str) -> Fan | None:
    """How far the step has come; None once it is over."""
    run = work.x.runs[owner]
    return run.fan if run.status is StepStatus.RUNNING else None


def _end_frame(work: Work, frame: str, failure: Failure | None) -> None:
    place = split_frame(frame)
    if place is None or frame not in work.x.frames:
        return  # it has ended already, by a step that settled in the same decision
    owner, index = place
    unfolding = unfolding_of(work, owner, work.x.plan.node(owner))
    output = None
    if failure is None and unfolding.output is not None:
        try:
            output = render(unfolding.output, scope_of(work.x, frame, work.at))
        except ExpressionFailed as error:
            failure = _expression_failure(error, owner, "output")
    for path in [path for path in work.x.open if path.startswith(f"{frame}.")]:
        cancel(work, path, "another step of the same item failed")
    work.emit(ItemEnded(at=work.at, step_id=owner, index=index, failed=failure is not None, output=output))
    if failure is not None and not (isinstance(unfolding, MapOver) and unfolding.continue_on_error):
        cancel_below(work, owner, "another item failed")
        fail(work, owner, failure)
        return
    work.unfolding.append(owner)


def _expression_failure(error: ExpressionFailed, step_id: str | None, where: str) -> Failure:
    return Failure(
        kind=FailureKind.TASK,
        code="expression_failed",
        message=f"{where}: {error.message}",
        step_id=step_id,
        retryable=False,
        details={"path": [where, *error.path], "expression": error.source},
    )
