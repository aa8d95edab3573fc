"""`sleep`: a durable timer."""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import AwareDatetime, Field, model_validator

from engine.domain.definition import Model
from engine.domain.durations import Duration
from engine.domain.kinds import Begin, Beginning, StepKind, Wait
from engine.domain.waiting import WaitingFor, WaitKind


class SleepWith(Model):
    for_: Duration | None = Field(default=None, alias="for", description="How long, such as `10m` or `PT10M`.")
    until: AwareDatetime | None = Field(
        default=None,
        description="Until when: RFC 3339 with an offset, such as `2027-01-31T09:00:00Z`. A past time fires at once.",
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.for_ is None) == (self.until is None):
            raise ValueError("give exactly one of `for` and `until`")
        return self


class Sleep(StepKind):
    name: ClassVar[str] = "sleep"
    description: ClassVar[str] = "Waits for a time, across restarts and without holding a worker; its output is null."
    With = SleepWith

    def begin(self, beginning: Beginning) -> Begin:
        return Wait(WaitingFor(kind=WaitKind.TIMER, until=_end(beginning.with_, beginning.at)))


def _end(given: SleepWith, at: datetime) -> datetime:
    if given.until is not None:
        return given.until.astimezone(at.tzinfo)
    assert given.for_ is not None
    return at + given.for_
