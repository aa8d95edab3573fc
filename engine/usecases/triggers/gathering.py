"""Gathers events for one execution. Those that are enough are set apart at once, so no execution gets more than it may."""

from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from engine.bus.topics import INBOX, Inbox
from engine.domain.ids import derive
from engine.domain.triggers.delivery import Delivery
from engine.domain.triggers.trigger import Buffer
from engine.storage.port import Write
from engine.storage.repositories.deliveries import Gathered, gathered_write, given_write
from engine.storage.repositories.triggers import StoredTrigger
from engine.usecases.services import Services

_BUFFER = "bu"
_AROUND_BYTES = 1024
"""Of an input that holds events and little else."""


class Added(NamedTuple):
    writes: list[Write]
    full: Gathered | None

    def hint(self, services: Services) -> None:
        """Once it is written."""
        if self.full is not None:
            hint = Inbox(tenant=self.full.tenant, buffer_id=self.full.id)
            services.bus.hint(INBOX, msgspec.json.encode(hint))


async def add(services: Services, stored: StoredTrigger, buffer: Buffer, new: Delivery, key: str | None) -> Added:
    """An event to those that wait. They are enough by their number, or where an input could not hold one more."""
    identifier = derive(_BUFFER, stored.trigger.id, key or "")
    waiting = await services.deliveries.gathered(stored.tenant, identifier)
    size = len(msgspec.json.encode(new.event.as_value())) + 1
    writes: list[Write] = []
    full: Gathered | None = None
    before = waiting.gathered if waiting else None
    if before is not None and before.bytes + size > services.limits.input_bytes - _AROUND_BYTES:
        full = _apart(before, new.at)
        writes.append(gathered_write(full, rev=None))
        before = None
    if before is None or not before.delivery_ids:
        before = Gathered(
            id=identifier,
            tenant=stored.tenant,
            trigger_id=stored.trigger.id,
            delivery_ids=(),
            due_at=new.at + buffer.max_wait,
        )
    after = replace(before, delivery_ids=(*before.delivery_ids, new.id), bytes=before.bytes + size)
    if len(after.delivery_ids) < buffer.max_size:
        return Added([*writes, gathered_write(after, rev=waiting.rev if waiting else None)], full)
    full = _apart(after, new.at)
    if waiting is not None:
        writes.append(given_write(waiting, new.at))
    return Added([*writes, gathered_write(full, rev=None)], full)


def _apart(gathered: Gathered, now: datetime) -> Gathered:
    """Under an id of its own, to which nothing is added."""
    return replace(gathered, id=derive(_BUFFER, gathered.id, gathered.delivery_ids[0]), due_at=now, apart=True)
