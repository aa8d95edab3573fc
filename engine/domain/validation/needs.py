"""Do the steps of one list have ids of their own, and an order?"""

from collections.abc import Iterator, Sequence
from typing import Any

from engine.domain.errors import Path, Problem
from engine.domain.needs import handler_of
from engine.domain.validation.order import Order
from engine.domain.validation.shape import did_you_mean


def order_problems(steps: Sequence[Any], order: Order, path: Path, defaults: Any) -> Iterator[Problem]:
    """Duplicate ids, unknown needs, unknown handlers, circles."""
    first: dict[str, int] = {}
    for place, step_id in enumerate(order.ids):
        if step_id is None:
            continue
        where = (*path, str(place))
        if first.setdefault(step_id, place) != place:
            message = f"the id '{step_id}' is taken by the step at {'.'.join((*path, str(first[step_id])))}"
            yield Problem(message=message, path=(*where, "id"))
        yield from _need_problems(steps[place], step_id, where, order)
        yield from _handler_problems(steps[place], step_id, where, order)
    yield from _default_handler_problems(steps, order, path, defaults)
    for circle in order.circles:
        message = f"the steps wait for each other in a circle: {' -> '.join((*circle, circle[0]))}"
        yield Problem(message=message, path=(*path, str(first[circle[0]]), "needs"))


def _need_problems(step: Any, step_id: str, where: Path, order: Order) -> Iterator[Problem]:
    needs = step.get("needs")
    for position, need in enumerate(needs if isinstance(needs, list | tuple) else ()):
        if need == step_id:
            yield Problem(message="a step cannot need itself", path=(*where, "needs", str(position)))
        elif isinstance(need, str) and need not in order.names:
            yield Problem(
                message=f"there is no step '{need}' in this list",
                path=(*where, "needs", str(position)),
                hint=did_you_mean(need, order.names),
            )


def _handler_problems(step: Any, step_id: str, where: Path, order: Order) -> Iterator[Problem]:
    handler = handler_of(step)
    if handler is None:
        return
    if handler == step_id:
        yield Problem(message="a step cannot handle its own failure", path=(*where, "on_error", "step"))
    elif handler not in order.names:
        yield Problem(
            message=f"there is no step '{handler}' in this list",
            path=(*where, "on_error", "step"),
            hint=did_you_mean(handler, order.names),
        )


def _default_handler_problems(steps: Sequence[Any], order: Order, path: Path, defaults: Any) -> Iterator[Problem]:
    """A handler in `defaults` has to be in every list, as a handler runs in the list of the step that failed."""
    for step in steps:
        handler = handler_of(step, defaults) if isinstance(step, dict) and step.get("on_error") is None else None
        if handler is not None and handler not in order.names:
            message = f"`defaults` names the handler '{handler}', which is not in this list"
            yield Problem(message=message, path=path, hint="set `on_error` in each of these steps")
            return
