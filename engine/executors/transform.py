"""`transform`: a value made of other values."""

from typing import Any, ClassVar

from pydantic import Field

from engine.domain.definition import Model
from engine.domain.kinds import Begin, Beginning, StepKind, Succeed


class TransformWith(Model):
    value: Any = Field(description="Any JSON; expressions in its strings are rendered. It becomes the step's output.")


class Transform(StepKind):
    name: ClassVar[str] = "transform"
    description: ClassVar[str] = "Builds a value out of the input and the outputs of other steps."
    With = TransformWith

    def begin(self, beginning: Beginning) -> Begin:
        return Succeed(beginning.with_.value)
