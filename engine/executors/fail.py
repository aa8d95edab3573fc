"""`fail`: ends the step, and by default the execution, with a failure of the author's choice."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from engine.domain.definition import Model
from engine.domain.failure import Failure
from engine.domain.kinds import Begin, Beginning, Fail, StepKind
from engine.domain.status import FailureKind


class FailWith(Model):
    code: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,127}$")] = Field(
        default="failed", description="A short stable word for machines, such as `out_of_stock`."
    )
    message: Annotated[str, Field(min_length=1, max_length=10_000)] = Field(description="What went wrong, for people.")
    details: Any = Field(default=None, description="Any JSON that helps to find the cause.")


class FailStep(StepKind):
    name: ClassVar[str] = "fail"
    description: ClassVar[str] = "Fails with a code and a message; it is never retried."
    With = FailWith

    def begin(self, beginning: Beginning) -> Begin:
        given: FailWith = beginning.with_
        return Fail(
            Failure(
                kind=FailureKind.TASK,
                code=given.code,
                message=given.message,
                step_id=beginning.step_id,
                retryable=False,
                details=given.details,
            )
        )
