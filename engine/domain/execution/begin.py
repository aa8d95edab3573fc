"""How a step run begins: its `with` is rendered and checked, its start is recorded, and its kind says what follows."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from engine.domain.events import StepStarted
from engine.domain.execution.outcomes import fail, succeed, wait
from engine.domain.execution.refusals import refused_with
from engine.domain.execution.scope import scope_of
from engine.domain.execution.work import Work
from engine.domain.expressions import ExpressionFailed, Scope, render
from engine.domain.kinds import Begin, Beginning, Execute, Fail, MapOver, Repeat, Succeed, Wait
from engine.domain.paths import frame_of
from engine.domain.plan import Node


def begin(work: Work, path: str, node: Node) -> None:
    """Begins a run for the first time, or again after a retry or an answer (then with the input it had)."""
    run = work.x.runs.get(path)
    attempt = run.attempt + run.attempt_spent if run is not None else 1
    work.starts_left -= 1
    scope = scope_of(work.x, scope_frame(path, node), work.at)
    again = path in work.x.inputs
    try:
        with_ = work.x.inputs[path] if again else render_with(node, scope)
        follows = _begun(work, path, node, with_, attempt=attempt, scope=scope)
    except (ExpressionFailed, ValidationError) as error:
        work.emit(StepStarted(at=work.at, step_id=path, attempt=attempt, kind=node.kind.name))
        fail(work, path, refused_with(error))
        return
    work.emit(
        StepStarted(
            at=work.at,
            step_id=path,
            attempt=attempt,
            kind=node.kind.name,
            input=None if again else with_,
            fan_total=_fan_total(follows),
        )
    )
    _follow(work, path, follows)


def _begun(work: Work, path: str, node: Node, with_: Mapping[str, Any], *, attempt: int, scope: Scope) -> Begin:
    beginning = Beginning(
        execution_id=work.x.state.id,
        step_id=path,
        attempt=attempt,
        at=work.at,
        with_=node.kind.With.model_validate(node.complete(with_)),
        scope=scope,
    )
    return node.kind.begin(beginning)


def _follow(work: Work, path: str, follows: Begin) -> None:
    match follows:
        case Execute():
            pass
        case Succeed(output):
            succeed(work, path, output)
        case Fail(failure):
            fail(work, path, failure)
        case Wait(waiting_for):
            wait(work, path, [waiting_for])
        case MapOver() | Repeat():
            work.x.unfolded[path] = follows
            work.unfolding.append(path)


def unfolding_of(work: Work, path: str, node: Node) -> MapOver | Repeat:
    """How an open map or loop unfolds."""
    known = work.x.unfolded.get(path)
    if known is None:
        attempt, scope = work.x.runs[path].attempt, scope_of(work.x, scope_frame(path, node), work.at)
        known = cast("MapOver | Repeat", _begun(work, path, node, work.x.inputs[path], attempt=attempt, scope=scope))
        work.x.unfolded[path] = known
    return known


def scope_frame(path: str, node: Node) -> str:
    """The frame whose names the run sees. A compensation sees what its step saw, and the step itself."""
    return frame_of(frame_of(path)) if node.compensates else frame_of(path)


def render_with(node: Node, scope: Scope) -> dict[str, Any]:
    """`with` rendered, without deferred fields; strings that mention secrets stay as they are. Raises `ExpressionFailed`."""
    deferred = node.kind.DEFERRED
    ready = {name: value for name, value in node.with_.items() if name not in deferred} if deferred else node.with_
    rendered: dict[str, Any] = render(ready, scope)
    return rendered


def _fan_total(follows: Begin) -> int | None:
    match follows:
        case MapOver(items=items):
            return len(items)
        case Repeat(max_rounds=rounds):
            return rounds
        case _:
            return None
