"""What a kind of step is, as far as the rules about executions need to know.

A kind says how a step begins, given its rendered `with`: most are executed by a worker; some are decided on the spot (a value, a
wait, a failure), and some unfold into nested steps. `begin` is pure. The kinds themselves live in `engine/executors/`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import msgspec
from pydantic import BaseModel

from engine.domain.expressions import Scope
from engine.domain.failure import Failure
from engine.domain.waiting import WaitingFor


class Execute(msgspec.Struct, frozen=True):
    """A worker runs it."""


class Succeed(msgspec.Struct, frozen=True):
    output: Any


class Fail(msgspec.Struct, frozen=True):
    failure: Failure


class Wait(msgspec.Struct, frozen=True):
    waiting_for: WaitingFor


class MapOver(msgspec.Struct, frozen=True, kw_only=True):
    """Runs the nested steps once for each item."""

    items: list[Any]
    concurrency: int
    continue_on_error: bool
    output: Any
    """Unrendered; None gives the output of the last nested step."""


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """Runs the nested steps again and again until the expression `until` holds, `max_rounds` times at the most."""

    until: str | None
    max_rounds: int
    output: Any


Begin = Execute | Succeed | Fail | Wait | MapOver | Repeat


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """What `begin` may look at."""

    execution_id: str
    step_id: str
    attempt: int
    at: datetime
    with_: Any
    """The validated `With` model, deferred fields as they were written."""
    scope: Scope
    """The names that the deferred fields may use."""


class StepKind(ABC):
    """`With` is the pydantic model of `with`. Fields in `DEFERRED` are not rendered before the step begins, since they refer to
    names that exist only inside (`item`, `loop`, `state`, the nested steps).
    """

    name: ClassVar[str]
    description: ClassVar[str]
    With: ClassVar[type[BaseModel]]
    DEFERRED: ClassVar[frozenset[str]] = frozenset()
    NESTED: ClassVar[str | None] = None
    """The field of `with` that holds a nested list of steps, if there is one."""

    @abstractmethod
    def begin(self, beginning: Beginning) -> Begin: ...


Kinds = Mapping[str, StepKind]
