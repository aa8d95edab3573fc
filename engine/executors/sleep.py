"""`sleep`: a durable timer."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from engine.domain.definition import Model
from engine.domain.durations import Duration
from engine.domain.kinds import Begin, Beginning, StepKind, Wait
from engine.domain.waiting import WaitingFor, WaitKind


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("in UTC it is before the year 1 or behind the year 9999") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class SleepWith(Model):
    for_: Duration | None = Field(default=None, alias="for", description="How long, such as `10m` or `PT10M`.")
    until: Moment | None = Field(
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
        return given.until
    assert given.for_ is not None
    return at + given.for_
