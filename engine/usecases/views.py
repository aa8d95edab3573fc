"""What use cases hand out about executions."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from engine.domain.execution import Run, State
from engine.domain.status import StepStatus
from engine.storage.repositories.head import Stored


class ExecutionView(Protocol):
    """A head as it was read, or what became of it since. `runs` are the top-level step runs that began. `state.input` and
    `state.output` may be references to large values: see `read_executions.state_value`.
    """

    @property
    def rev(self) -> int: ...

    @property
    def state(self) -> State: ...

    @property
    def runs(self) -> Mapping[str, Run]: ...


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """As this process wrote it."""

    rev: int
    state: State
    runs: Mapping[str, Run]


class StepRunView(msgspec.Struct, frozen=True, kw_only=True):
    """`run` is a PENDING one where the step has not begun; where the execution ended without it, a CANCELLED one."""

    execution_id: str
    step_id: str
    run: Run


def view_of(stored: Stored) -> ExecutionView:
    runs = {path: run for path, run in stored.execution.runs.items() if "." not in path}
    return _Written(rev=stored.rev, state=stored.state, runs=runs)


def shown(view: ExecutionView, step_id: str, run: Run | None, kind: str) -> StepRunView:
    if run is None:
        status = StepStatus.CANCELLED if view.state.terminal else StepStatus.PENDING
        run = Run(kind=kind, status=status)
    return StepRunView(execution_id=view.state.id, step_id=step_id, run=run)
