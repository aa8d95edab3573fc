"""What a WAITING step waits for."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class WaitKind(StrEnum):
    APPROVAL = "approval"
    SIGNAL = "signal"
    TIMER = "timer"
    INTERRUPT = "interrupt"
    CHILD = "child"
    AGENT = "agent"

    @property
    def for_people(self) -> bool:
        return self in (WaitKind.APPROVAL, WaitKind.INTERRUPT)


class WaitingFor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`schema` is the JSON Schema of an acceptable answer; `until` is when the wait gives up, or fires if it is a timer."""

    kind: WaitKind
    prompt: str | None = None
    schema: Any = None
    until: datetime | None = None
    signal: str | None = None
    assignees: tuple[str, ...] = ()
    interrupt_id: str | None = None
    value: Any = None
    execution_id: str | None = None
    on_timeout: str = "fail"
    """`fail`: the step fails with kind TIMEOUT. `continue`: it succeeds with null."""
