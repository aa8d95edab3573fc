"""The messages that move between processes. All are hints: what they say is in the store already."""

import msgspec

EVENTS = "weft.events"
"""New events of an execution, for every process."""
WAKE = "weft.wake"
"""An execution that a worker should look at, for one of them."""
POKE = "weft.poke"
"""Somebody else wrote to an execution; for the worker that drives it, which the attribute `owner` names."""
BATCH_WAKE = "weft.batch_wake"
"""A batch with something left to do, for one worker."""

INBOX = "weft.inbox"
"""An event that was received and is to be given to triggers, for one worker."""
DELIVERED = "weft.delivered"
"""What a trigger did with an event, for every process; the attribute `trigger` names it."""


class EventsCommitted(msgspec.Struct, frozen=True, kw_only=True):
    """`events` follow one another from `first_seq`; an ephemeral message has none and `live` instead. `workflow_id`, `status`
    and `batch_id` let readers pass over what does not concern them.
    """

    tenant: str
    execution_id: str
    first_seq: int = 0
    events: list[msgspec.Raw] = []
    live: list[msgspec.Raw] = []
    status: str = ""
    workflow_id: str = ""
    batch_id: str | None = None


class Wake(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    execution_id: str
    lane: str
    priority: int


class BatchWake(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    batch_id: str


class Inbox(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that was received, or events that were gathered and are enough."""

    tenant: str
    received_id: str = ""
    buffer_id: str = ""
