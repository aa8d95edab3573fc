"""One request over many items. The manifest says what was admitted; progress is derived from the executions."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from engine.domain.errors import Problem


class BatchMode(StrEnum):
    ATOMIC = "ATOMIC"
    """All items are admitted or none."""
    REJECT_FAILED_ITEMS = "REJECT_FAILED_ITEMS"
    """Items that fail the checks are rejected; the others are admitted together."""
    BEST_EFFORT = "BEST_EFFORT"
    """As before, and an item that cannot be carried out later is recorded as rejected too."""


class BatchStatus(StrEnum):
    ACCEPTED = "ACCEPTED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class BatchAction(StrEnum):
    START = "START"
    CANCEL = "CANCEL"
    RETRY = "RETRY"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    SIGNAL = "SIGNAL"
    PURGE = "PURGE"


class ItemError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`code` is one of the codes of `errors.py`."""

    code: str
    message: str
    path: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class BatchItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`execution_id` is what the item started or acted on; `request` (internal) is what is to be done with it."""

    index: int
    execution_id: str | None = None
    error: ItemError | None = None
    request: Any = None


class Batch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`carried_out` counts the items, in order, that were acted on; `finished`, `succeeded`, `failed` count executions that
    have reached a terminal status (`failed` includes cancelled and timed-out ones).
    """

    id: str
    action: BatchAction
    mode: BatchMode
    status: BatchStatus
    total: int
    accepted: int
    rejected: int
    created_at: datetime
    actor: str | None = None
    reason: str | None = None
    carried_out: int = 0
    finished: int = 0
    succeeded: int = 0
    failed: int = 0
