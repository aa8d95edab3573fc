"""`map`: the nested steps once for each item of a list."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from engine.domain.definition import Model, StepDefinition
from engine.domain.failure import Failure
from engine.domain.kinds import Begin, Beginning, Fail, MapOver, StepKind
from engine.domain.status import FailureKind


class MapWith(Model):
    items: list[Any] = Field(description="The list; each entry is `item` inside, and its position from 0 is `index`.")
    steps: Annotated[tuple[StepDefinition, ...], Field(min_length=1)] = Field(
        description="Steps that run for each item. They see the steps before the map, and each other."
    )
    concurrency: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=10, description="How many items are under way at the same time."
    )
    on_item_error: Literal["fail", "continue"] = Field(
        default="fail",
        description="`fail`: the first failed item fails the step. `continue`: its place in the output is null.",
    )
    output: Any = Field(
        default=None,
        description="The output for each item, with expressions; without it, the output of the last nested step.",
    )


class Map(StepKind):
    """`limit` is the most items that one map may have."""

    name: ClassVar[str] = "map"
    description: ClassVar[str] = (
        "Runs nested steps for each item of a list, several at a time; its output is a list in the items' order."
    )
    With = MapWith
    DEFERRED: ClassVar[frozenset[str]] = frozenset({"steps", "output"})
    NESTED: ClassVar[str | None] = "steps"

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit

    def begin(self, beginning: Beginning) -> Begin:
        given: MapWith = beginning.with_
        if len(given.items) > self._limit:
            return Fail(self._too_many(len(given.items), beginning.step_id))
        return MapOver(
            items=given.items,
            concurrency=given.concurrency,
            continue_on_error=given.on_item_error == "continue",
            output=given.output,
        )

    def _too_many(self, count: int, step_id: str) -> Failure:
        return Failure(
            kind=FailureKind.TASK,
            code="too_many_items",
            message=f"`items` has {count:,} entries; a map takes at most {self._limit:,}",
            step_id=step_id,
            retryable=False,
            details={"items": count, "limit": self._limit},
        )
