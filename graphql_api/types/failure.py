"""Failure, usage and what a step waits for: the values that executions, step runs and events share."""

from datetime import datetime

import strawberry

from engine.domain import failure as domain
from engine.domain import waiting
from graphql_api.types.enums import FailureKind
from graphql_api.types.scalars import JSON


@strawberry.type(description="Why a step or an execution failed.")
class Failure:
    kind: FailureKind = strawberry.field(description="What kind of thing went wrong.")
    code: str = strawberry.field(description="A short stable word in snake_case, for programs.")
    message: str = strawberry.field(description="What happened, for people.")
    step_id: str | None = strawberry.field(description="The step that failed; null where no step is to blame.")
    retryable: bool = strawberry.field(description="Whether trying again may help.")
    details: JSON | None = strawberry.field(
        description="More, as whatever failed gave it; null if there is nothing more."
    )

    @staticmethod
    def of(failure: domain.Failure) -> "Failure":
        return Failure(
            kind=failure.kind,
            code=failure.code,
            message=failure.message,
            step_id=failure.step_id,
            retryable=failure.retryable,
            details=JSON(failure.details),
        )


@strawberry.type(description="What model calls consumed.")
class Usage:
    input_tokens: int = strawberry.field(description="Tokens that were sent to models.")
    output_tokens: int = strawberry.field(description="Tokens that models wrote.")
    cost_usd: float = strawberry.field(
        description="What the calls cost, in US dollars; 0 for models without a known price."
    )
    model_calls: int = strawberry.field(description="How many calls were made.")

    @staticmethod
    def of(usage: domain.Usage) -> "Usage":
        """The same object for all that consumed nothing, as most executions do."""
        return _NO_USAGE if usage == _NOTHING else _usage(usage)


def _usage(usage: domain.Usage) -> Usage:
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=usage.cost_usd,
        model_calls=usage.model_calls,
    )


_NOTHING = domain.Usage()
_NO_USAGE = _usage(_NOTHING)


@strawberry.type(
    description="What a WAITING step waits for. The kinds are approval, signal, timer, interrupt, child and agent."
)
class WaitingFor:
    kind: str = strawberry.field(description="One of approval, signal, timer, interrupt, child and agent.")
    prompt: str | None = strawberry.field(description="What people are asked; null where nobody is asked.")
    schema: JSON | None = strawberry.field(description="JSON Schema of an acceptable answer; null takes any.")
    until: datetime | None = strawberry.field(
        description="When the wait gives up, or a timer fires; null waits without end."
    )
    signal: str | None = strawberry.field(
        description="The name of the signal that ends the wait; null for other kinds."
    )
    assignees: list[str] = strawberry.field(
        description="Who is asked: names of people or groups, as the definition gives them."
    )
    interrupt_id: str | None = strawberry.field(
        description="Names the interrupt for `completeStep`; null for other kinds."
    )
    value: JSON | None = strawberry.field(
        description="What the interrupted code shows to whoever answers; null for other kinds."
    )
    execution_id: strawberry.ID | None = strawberry.field(description="The child execution; null for other kinds.")

    @staticmethod
    def of(wait: waiting.WaitingFor) -> "WaitingFor":
        return WaitingFor(
            kind=wait.kind.value,
            prompt=wait.prompt,
            schema=JSON(wait.schema),
            until=wait.until,
            signal=wait.signal,
            assignees=list(wait.assignees),
            interrupt_id=wait.interrupt_id,
            value=JSON(wait.value),
            execution_id=strawberry.ID(wait.execution_id) if wait.execution_id else None,
        )
