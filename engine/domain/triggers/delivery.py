"""What a trigger did with one event."""

from datetime import datetime
from enum import StrEnum

import msgspec

from engine.domain.failure import Failure
from engine.domain.triggers.cloud_event import CloudEvent


class DeliveryOutcome(StrEnum):
    STARTED = "STARTED"
    FILTERED = "FILTERED"
    """The condition did not hold."""
    DUPLICATE = "DUPLICATE"
    """The event came before, or another one with its dedup key."""
    THROTTLED = "THROTTLED"
    BUFFERED = "BUFFERED"
    """It waits for others; the execution that gets it is named when there is one."""
    SKIPPED_OVERLAP = "SKIPPED_OVERLAP"
    FAILED = "FAILED"
    """Not started, and tried again as long as `due_at` says so; then the event is kept as a dead letter."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`at` is when its fate was decided first; `execution_id` what it started. `attempts` counts tries to start it. `via` (internal)
    names the message or request that brought the event: what the same one brings again is no second event.
    """

    id: str
    tenant: str
    trigger_id: str
    at: datetime
    event: CloudEvent
    outcome: DeliveryOutcome
    execution_id: str | None = None
    failure: Failure | None = None
    attempts: int = 0
    due_at: datetime | None = None
    via: str = ""

    @property
    def dead(self) -> bool:
        return self.outcome is DeliveryOutcome.FAILED and self.due_at is None
