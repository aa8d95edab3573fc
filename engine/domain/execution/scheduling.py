"""What follows from the end of a step: others start, frames and the whole execution end. Works through lists, never by recursion."""

from engine.domain.events import ExecutionSucceeded, StepFailed, StepSkipped
from engine.domain.execution.begin import begin
from engine.domain.execution.closing import begin_ending, go_on_ending, note_compensation
from engine.domain.execution.frames import end_frame, next_frame, under_way
from engine.domain.execution.readiness import Readiness, fatal, readiness
from engine.domain.execution.refusals import refused_expression
from engine.domain.execution.scope import scope_of
from engine.domain.execution.state import Run
from engine.domain.execution.work import Work
from engine.domain.expressions import ExpressionFailed, condition, render
from engine.domain.failure import Failure
from engine.domain.paths import frame_of, within
from engine.domain.plan import Node, Steps
from engine.domain.status import ExecutionStatus, FailureKind

_WHEN_FALSE = "`when` is false"


def follow_up(work: Work) -> None:
    """Until nothing more follows."""
    while work.settled or work.unfolding:
        if work.settled:
            _settled(work, work.settled.popleft())
        else:
            _unfold(work, work.unfolding.popleft())


def start_ready(work: Work) -> None:
    """Looks at every step in every open frame: at those that may begin, and at what others did who do not schedule."""
    for frame in ("", *work.x.frames):
        if under_way(work, frame):
            _look_through(work, frame)
    work.unfolding.extend(path for path in work.x.open if work.x.runs[path].fan is not None)
    follow_up(work)


def drive(work: Work) -> None:
    """Follows up, and brings an execution that is ending to its end."""
    follow_up(work)
    if work.may_start and not work.cut and not work.x.active:
        start_ready(work)  # nothing is left to wait for, unless others made it ready: an answer, say, or a live edit
        _end_if_stuck(work)
    go_on_ending(work)
    while work.settled:
        follow_up(work)
        go_on_ending(work)


def _end_if_stuck(work: Work) -> None:
    """Nothing is open and nothing can start: a live edit or a defect cut the graph. Better a failure than a wait for ever."""
    if work.may_start and not work.cut and all(work.x.runs[path].fan is not None for path in work.x.open):
        failure = Failure(kind=FailureKind.TASK, code="no_step_can_start", message="no step is left that could start")
        begin_ending(work, ExecutionStatus.FAILED, failure=failure)


def _settled(work: Work, path: str) -> None:
    """While the execution is paused, what follows is left to be found when it is resumed."""
    if work.x.state.ending is not None:
        note_compensation(work, path)
        return
    frame = frame_of(path)
    if not under_way(work, frame):
        return
    steps = work.x.plan.steps_at(frame)
    node = work.x.plan.node(path)
    if fatal(work.x, path, node):
        _fail_frame(work, frame, work.x.runs[path])
        return
    for dependent in steps.dependents[node.id]:
        _consider(work, frame, steps, steps.nodes[dependent])
    _end_if_complete(work, frame, steps)


def _unfold(work: Work, owner: str) -> None:
    while (frame := next_frame(work, owner)) is not None:
        work.starts_left -= 1
        _look_through(work, frame)


def _look_through(work: Work, frame: str) -> None:
    steps = work.x.plan.steps_at(frame)
    for node in steps.nodes.values():
        _consider(work, frame, steps, node)
    failed = _failed_in(work, frame, steps)
    if failed is not None:
        _fail_frame(work, frame, failed)
    else:
        _end_if_complete(work, frame, steps)


def _consider(work: Work, frame: str, steps: Steps, node: Node) -> None:
    """Starts or skips a step that has not begun, if it is ready."""
    path = within(frame, node.id)
    if path in work.x.runs or work.cut:
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
        work.starts_left -= 1
        failure = refused_expression(error, "when", step_id=path)
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


# ------------------------------------------------------------------ the end of a frame


def _end_if_complete(work: Work, frame: str, steps: Steps) -> None:
    """The last step may end in the same decision as one that failed, and come first in line."""
    done = work.x.frames.get(frame, 0) if frame else work.x.state.done
    if done < len(steps.nodes):
        return
    failed = _failed_in(work, frame, steps)
    if failed is not None:
        _fail_frame(work, frame, failed)
    elif frame:
        end_frame(work, frame, None)
    else:
        _finish(work)


def _failed_in(work: Work, frame: str, steps: Steps) -> Run | None:
    """The run that failed first, of those that nothing makes up for."""
    paths = ((within(frame, node.id), node) for node in steps.nodes.values())
    failed = [work.x.runs[path] for path, node in paths if fatal(work.x, path, node)]
    return min(failed, key=lambda run: run.ended_seq or 0, default=None)


def _fail_frame(work: Work, frame: str, run: Run) -> None:
    assert run.failure is not None
    if frame:
        end_frame(work, frame, run.failure)
    else:
        begin_ending(work, ExecutionStatus.FAILED, failure=run.failure)


def _finish(work: Work) -> None:
    try:
        output = render(work.x.plan.workflow.output, scope_of(work.x, "", work.at))
    except ExpressionFailed as error:
        begin_ending(work, ExecutionStatus.FAILED, failure=refused_expression(error, "output"))
        return
    work.emit(ExecutionSucceeded(at=work.at, output=output))
