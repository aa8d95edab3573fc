"""How much a trigger starts: outputs in the form of the inputs."""

from datetime import timedelta

import strawberry

from engine.domain.triggers import trigger as domain


@strawberry.type(description="A limit on what a trigger starts.")
class Throttle:
    limit: int = strawberry.field(description="At most so many executions.")
    per: timedelta = strawberry.field(description="Within any time of this length.")

    @staticmethod
    def of(throttle: domain.Throttle | None) -> "Throttle | None":
        return Throttle(limit=throttle.limit, per=throttle.per) if throttle else None


@strawberry.type(description="How events are gathered.")
class Buffer:
    max_size: int = strawberry.field(description="So many are enough.")
    max_wait: timedelta = strawberry.field(description="How long the first one waits for more.")
    key: str | None = strawberry.field(
        description="CEL over `event`: those with the same value are gathered; null gathers all."
    )

    @staticmethod
    def of(buffer: domain.Buffer | None) -> "Buffer | None":
        return Buffer(max_size=buffer.max_size, max_wait=buffer.max_wait, key=buffer.key) if buffer else None
