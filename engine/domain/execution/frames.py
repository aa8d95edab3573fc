"""The frames of maps and loops: which one begins next, and what the end of one means for its owner."""

from engine.domain.events import ItemEnded
from engine.domain.execution.begin import unfolding_of
from engine.domain.execution.outcomes import cancel_below, cancel_frame, fail, succeed
from engine.domain.execution.refusals import refused_expression
from engine.domain.execution.scope import scope_of
from engine.domain.execution.state import Fan
from engine.domain.execution.work import Work
from engine.domain.expressions import ExpressionFailed, condition, render
from engine.domain.failure import Failure
from engine.domain.kinds import MapOver, Repeat
from engine.domain.paths import frame_path, split_frame
from engine.domain.status import StepStatus


def under_way(work: Work, frame: str) -> bool:
    """Whether the steps of a frame may begin or end it. Results that were taken over may stand in frames that have not begun."""
    if not work.may_start or not frame:
        return work.may_start
    place = split_frame(frame)
    owner = work.x.runs.get(place[0]) if place is not None and frame in work.x.frames else None
    if place is None or owner is None or owner.fan is None:
        return False
    return owner.status is StepStatus.RUNNING and place[1] < owner.fan.begun


def next_frame(work: Work, owner: str) -> str | None:
    """The frame that may begin now. None where none may: because of the limits, or as all are done, which ends the owner."""
    run = work.x.runs[owner]
    if run.status is not StepStatus.RUNNING or run.fan is None or not work.may_start:
        return None
    unfolding = unfolding_of(work, owner, work.x.plan.node(owner))
    try:
        over = _over(work, owner, run.fan, unfolding)
    except ExpressionFailed as error:
        fail(work, owner, refused_expression(error, "until", step_id=owner))
        return None
    if over:
        succeed(work, owner, _output(work, owner, run.fan, unfolding))
        return None
    abreast = unfolding.concurrency if isinstance(unfolding, MapOver) else 1
    may = run.fan.begun < run.fan.total and run.fan.begun - run.fan.done < abreast and not work.cut
    return frame_path(owner, run.fan.begun) if may else None


def _over(work: Work, owner: str, fan: Fan, unfolding: MapOver | Repeat) -> bool:
    """`until` is asked once after each round: when nothing is under way, and something was."""
    if fan.done == fan.total:
        return True
    if isinstance(unfolding, MapOver) or unfolding.until is None or not fan.done or fan.begun > fan.done:
        return False
    last_round = scope_of(work.x, frame_path(owner, fan.done - 1), work.at)
    return condition(unfolding.until, last_round)


def _output(work: Work, owner: str, fan: Fan, unfolding: MapOver | Repeat) -> object:
    outputs = work.x.values
    if isinstance(unfolding, Repeat):
        return outputs.get(frame_path(owner, fan.done - 1))
    return [outputs.get(frame_path(owner, index)) for index in range(fan.total)]


def end_frame(work: Work, frame: str, failure: Failure | None) -> None:
    """All steps of an item or a round are done, or one has failed. The owner goes on with the next frame, or fails as well."""
    place = split_frame(frame)
    assert place is not None
    owner, index = place
    unfolding = unfolding_of(work, owner, work.x.plan.node(owner))
    output = None
    if failure is None:
        try:
            output = render(unfolding.output, scope_of(work.x, frame, work.at))
        except ExpressionFailed as error:
            failure = refused_expression(error, "output", step_id=owner)
    if failure is not None:
        cancel_frame(work, frame, "another step of the same item failed")
    work.emit(
        ItemEnded(
            at=work.at,
            step_id=owner,
            index=index,
            failed=failure is not None,
            templated=unfolding.output is not None,
            output=output,
        )
    )
    if failure is None or (isinstance(unfolding, MapOver) and unfolding.continue_on_error):
        work.unfolding.append(owner)
        return
    cancel_below(work, owner, "another item failed")
    fail(work, owner, failure)
