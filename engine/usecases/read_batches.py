"""Read batches and their items. Progress is derived from the executions, so there is no counter that could be wrong."""

from collections.abc import Sequence

from msgspec.structs import replace

from engine.domain.batch import Batch, BatchAction, BatchItem, BatchStatus
from engine.domain.status import ExecutionStatus
from engine.storage.repositories.batches import ITEMS_PER_CHUNK
from engine.storage.repositories.execution_queries import ExecutionQuery
from engine.usecases.caller import Caller
from engine.usecases.paging import Cursors, Page, PageRequest, check_first, decode_cursor
from engine.usecases.services import Services

_SCOPE = "batch"
_STARTS = (BatchAction.START, BatchAction.RETRY)
_ENDS = tuple(status for status in ExecutionStatus if status.terminal)


async def batches_by_id(services: Services, caller: Caller, ids: Sequence[str]) -> list[Batch | None]:
    found = await services.batches.get_many(caller.tenant, ids)
    return [await with_progress(services, caller, stored.batch) if stored else None for stored in found]


async def with_progress(services: Services, caller: Caller, batch: Batch) -> Batch:
    """The batch as its executions stand now."""
    if batch.status is BatchStatus.COMPLETED and not batch.accepted:
        return batch
    if batch.action in _STARTS:
        finished, succeeded = await _counts(services, caller, batch)
    else:
        finished, succeeded = await _looked_at(services, caller, batch)
    over = batch.carried_out == batch.total
    if batch.action in (*_STARTS, BatchAction.CANCEL):
        over = over and finished >= batch.accepted
    status = BatchStatus.COMPLETED if over else batch.status
    return replace(batch, status=status, finished=finished, succeeded=succeeded, failed=finished - succeeded)


async def _counts(services: Services, caller: Caller, batch: Batch) -> tuple[int, int]:
    """Executions carry the id of the batch that started them."""
    finished = await services.queries.count(caller.tenant, ExecutionQuery(batch_id=batch.id, statuses=_ENDS))
    succeeded = await services.queries.count(
        caller.tenant, ExecutionQuery(batch_id=batch.id, statuses=(ExecutionStatus.SUCCEEDED,))
    )
    return finished, succeeded


async def _looked_at(services: Services, caller: Caller, batch: Batch) -> tuple[int, int]:
    """Executions that were there before the batch are looked at one by one."""
    finished = succeeded = 0
    for number in range(-(-batch.total // ITEMS_PER_CHUNK)):
        items = await services.batches.chunk(caller.tenant, batch.id, number)
        ids = [item.execution_id for item in items if item.execution_id is not None and item.error is None]
        for head in await services.executions.views(caller.tenant, ids):
            if head is not None and head.state.terminal:
                finished += 1
                succeeded += head.state.status is ExecutionStatus.SUCCEEDED
    return finished, succeeded


async def list_batch_items(
    services: Services, caller: Caller, batch_id: str, *, only_errors: bool, page: PageRequest
) -> Page[BatchItem]:
    """In order. Raises `BadRequest` for a page size or a cursor that is not acceptable."""
    first = check_first(page.first)
    start = decode_cursor(_SCOPE, page.after, (int,))[0] + 1 if page.after is not None else 0
    found: list[BatchItem] = []
    number = start // ITEMS_PER_CHUNK
    while len(found) <= first:
        items = await services.batches.chunk(caller.tenant, batch_id, number)
        if not items:
            break
        found.extend(item for item in items if item.index >= start and (item.error or not only_errors))
        number += 1
    shown = found[:first]
    return Page(
        items=shown,
        cursors=Cursors(_SCOPE, shown, lambda item: (item.index,)),
        has_next=len(found) > first,
        has_previous=start > 0,
    )


async def count_batch_items(services: Services, caller: Caller, batch_id: str, *, only_errors: bool) -> int:
    (stored,) = await services.batches.get_many(caller.tenant, [batch_id])
    if stored is None:
        return 0
    return stored.batch.rejected if only_errors else stored.batch.total
