"""Read the log of an execution."""

from collections.abc import Sequence

import msgspec

from engine.domain.errors import BadRequest
from engine.domain.events import Entry
from engine.usecases.caller import Caller
from engine.usecases.paging import check_first
from engine.usecases.services import Services


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    entries: Sequence[Entry]
    has_next: bool


async def list_events(services: Services, caller: Caller, execution_id: str, *, after: int, first: int) -> EventPage:
    """Entries with a seq above `after`, in order. Raises `NotFound` and `BadRequest`."""
    if after < 0:
        raise BadRequest(f"after must not be negative, but is {after}", path=("after",))
    entries = await services.executions.entries(caller.tenant, execution_id, after=after, limit=check_first(first) + 1)
    return EventPage(entries=entries[:first], has_next=len(entries) > first)
