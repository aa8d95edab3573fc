"""`loop`: the nested steps again and again."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from engine.domain.definition import Model, StepDefinition
from engine.domain.kinds import Begin, Beginning, Repeat, StepKind


class LoopWith(Model):
    steps: Annotated[tuple[StepDefinition, ...], Field(min_length=1)] = Field(
        description="Steps of one round. They see `loop.index`, from 0, and `loop.last`, the output of the last round."
    )
    until: str | None = Field(
        default=None,
        description="Expression that ends the loop; it is looked at after each round and sees that round's steps.",
    )
    max_rounds: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=25, description="The loop ends after so many rounds at the latest."
    )
    output: Any = Field(
        default=None,
        description="The output of a round, with expressions; without it, the output of the last nested step.",
    )


class Loop(StepKind):
    name: ClassVar[str] = "loop"
    description: ClassVar[str] = "Repeats nested steps until an expression holds; its output is the last round's."
    With = LoopWith
    DEFERRED: ClassVar[frozenset[str]] = frozenset({"steps", "until", "output"})
    NESTED: ClassVar[str | None] = "steps"

    def begin(self, beginning: Beginning) -> Begin:
        given: LoopWith = beginning.with_
        return Repeat(until=given.until, max_rounds=given.max_rounds, output=given.output)
