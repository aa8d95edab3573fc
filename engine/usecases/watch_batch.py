"""Watch a batch: as it stands now, and after each change, until all its executions have ended."""

import asyncio
from collections.abc import AsyncIterator

from engine.domain.batch import Batch, BatchStatus
from engine.domain.errors import NotFound
from engine.usecases.caller import Caller
from engine.usecases.live import LiveChanges
from engine.usecases.read_batches import batches_by_id
from engine.usecases.services import Services

_LOOK_AGAIN_SECONDS = 1.0
"""Refused items change a batch without any execution changing."""
_AT_MOST_EVERY_SECONDS = 0.1


async def watch_batch(services: Services, caller: Caller, batch_id: str) -> AsyncIterator[Batch]:
    """Changes that follow one another quickly come as one. Raises `NotFound`."""
    async with services.hub.changes(caller.tenant) as live:
        shown: Batch | None = None
        while shown is None or shown.status not in (BatchStatus.COMPLETED, BatchStatus.CANCELLED):
            (batch,) = await batches_by_id(services, caller, [batch_id])
            if batch is None:
                raise NotFound(f"there is no batch {batch_id[:80]!r}", path=("id",))
            if batch != shown:
                shown = batch
                yield batch
                continue
            await _change(live)


async def _change(live: LiveChanges) -> None:
    try:
        await asyncio.wait_for(live.next(), _LOOK_AGAIN_SECONDS)
    except TimeoutError:
        return
    await asyncio.sleep(_AT_MOST_EVERY_SECONDS)
