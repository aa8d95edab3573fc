"""The names that expressions of a step may use."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from engine.domain.execution.state import Execution
from engine.domain.expressions import Scope
from engine.domain.paths import frame_path, frames, split_frame, within


class StepsView(Mapping[str, Any]):
    """`steps.<id>`: the innermost enclosing list of steps that has the id decides. Entries are made when they are asked for."""

    def __init__(self, x: Execution, enclosing: list[str]) -> None:
        self._x = x
        self._lists = [(frame, x.plan.steps_at(frame).nodes) for frame in enclosing]

    def __getitem__(self, step_id: str) -> dict[str, Any]:
        for frame, nodes in self._lists:
            if step_id in nodes:
                return self._entry(within(frame, step_id))
        raise KeyError(step_id)

    def __iter__(self) -> Iterator[str]:
        return iter({step_id: None for _, nodes in self._lists for step_id in nodes})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _entry(self, path: str) -> dict[str, Any]:
        run = self._x.runs.get(path)
        failure = run.failure if run else None
        return {
            "output": self._x.values.get(path),
            "status": self._x.status_of(path).value,
            "failure": msgspec.to_builtins(failure) if failure else None,
            "attempt": run.attempt if run else 0,
        }


def scope_of(x: Execution, frame: str, at: datetime) -> Scope:
    """The scope of the steps in a frame; the top frame is the empty string."""
    enclosing = [frame, *frames(frame)] if frame else [""]
    lists = [place for place in enclosing if not place or split_frame(place)]
    variables: dict[str, Any] = {
        "input": x.state.input,
        "execution": _execution(x),
        "steps": StepsView(x, lists),
    }
    for place in reversed(lists):
        variables.update(_frame_names(x, place))
    return Scope(variables, now=at)


def _execution(x: Execution) -> dict[str, Any]:
    state = x.state
    return {
        "id": state.id,
        "workflow": state.workflow,
        "version": state.version,
        "createdAt": _timestamp(state.created_at),
        "labels": state.labels,
    }


@lru_cache(maxsize=1024)
def _timestamp(moment: datetime) -> str:
    """Every step of an execution asks for the same one."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _frame_names(x: Execution, frame: str) -> dict[str, Any]:
    place = split_frame(frame)
    if place is None:
        return {}
    owner, index = place
    items = (x.inputs.get(owner) or {}).get("items")
    if x.plan.node(owner).kind.name == "map":
        return {"item": items[index] if items is not None else None, "index": index}
    return {"loop": {"index": index, "last": frame_output(x, owner, index - 1) if index else None}}


def frame_output(x: Execution, owner: str, index: int) -> Any:
    """What an item or a round gave: its rendered `output`, or the output of its last step where there is no such template."""
    frame = frame_path(owner, index)
    if x.plan.node(owner).with_.get("output") is not None:
        return x.values.get(frame)
    return x.values.get(within(frame, x.plan.steps_at(frame).last.id))
