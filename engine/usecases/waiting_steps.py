"""List the steps that wait for a person, newest first."""

from datetime import datetime

from engine.storage.repositories.waits import WaitingStepRef
from engine.usecases.caller import Caller
from engine.usecases.paging import Cursors, Page, PageRequest, check_first, decode_cursor
from engine.usecases.services import Services

_SCOPE = "waiting"


async def list_waiting_steps(
    services: Services, caller: Caller, assignee: str | None, page: PageRequest
) -> Page[WaitingStepRef]:
    """Raises `BadRequest` for a page size or a cursor that is not acceptable."""
    first = check_first(page.first)
    after = decode_cursor(_SCOPE, page.after, (datetime, str)) if page.after is not None else None
    refs = await services.waits.page(
        caller.tenant, assignee=assignee, start_after=(after[0], after[1]) if after else None, limit=first + 1
    )
    items = refs[:first]
    return Page(
        items=items,
        cursors=Cursors(_SCOPE, items, lambda ref: (ref.since, ref.id)),
        has_next=len(refs) > first,
        has_previous=after is not None,
    )


async def count_waiting_steps(services: Services, caller: Caller, assignee: str | None) -> int:
    return await services.waits.count(caller.tenant, assignee=assignee)
