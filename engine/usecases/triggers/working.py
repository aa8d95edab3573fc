"""What is due among events and schedules: looked up for those whose share it is, and done one by one.

Everything may be done by several at a time, and twice: the store decides who did it.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import msgspec

from engine.bus.port import Message
from engine.bus.topics import Inbox
from engine.domain.triggers.trigger import TriggerStatus
from engine.storage.port import Document
from engine.storage.repositories.decoding import IncompatibleData
from engine.storage.repositories.deliveries import (
    Received,
    StoredDelivery,
    StoredGathered,
    decoded_delivery,
    decoded_gathered,
    decoded_received,
    gathered_write,
)
from engine.storage.repositories.triggers import StoredSchedule, StoredTrigger, stored_schedule
from engine.usecases.services import Services
from engine.usecases.triggers.deliver import record, try_again
from engine.usecases.triggers.flush import abandon, flush
from engine.usecases.triggers.receiving import route

AT_ONCE = 200
PAUSED_LOOK = timedelta(minutes=1)
"""While a trigger is paused: how soon after it goes on the events go on that it had taken before."""
_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_inbox = msgspec.json.Decoder(Inbox)


class Job(NamedTuple):
    """`key` names what it is about; `do` raises `Conflict` where somebody else did it meanwhile, and `Unavailable`."""

    key: str
    do: Callable[[], Awaitable[object]]


async def due_jobs(services: Services, shards: Sequence[str], now: datetime) -> list[Job]:
    """Events to route, starts to try again, and events that were gathered and waited long enough."""
    received = await services.deliveries.due("inbox", shards, now, limit=AT_ONCE)
    retried = await services.deliveries.due("deliveries", shards, now, limit=AT_ONCE)
    waiting = await services.deliveries.due("buffers", shards, now, limit=AT_ONCE)
    return [
        *(_received_job(services, each) for each in _readable(received, decoded_received)),
        *(Job(each.delivery.id, _retrying(services, each)) for each in _readable(retried, decoded_delivery)),
        *(Job(each.gathered.id, _flushing(services, each)) for each in _readable(waiting, decoded_gathered)),
    ]


async def hinted_job(services: Services, message: Message) -> Job | None:
    """For a message of the topic INBOX. None where it is done already, or where another version of the software wrote it."""
    hint = _inbox.decode(message.body)
    if hint.buffer_id:
        waiting = await services.deliveries.gathered(hint.tenant, hint.buffer_id)
        return Job(waiting.gathered.id, _flushing(services, waiting)) if waiting else None
    document = await services.store.get(f"tenants/{hint.tenant}/inbox/{hint.received_id}")
    found = _readable([document] if document else [], decoded_received)
    return _received_job(services, found[0]) if found else None


async def due_schedules(services: Services, shards: Sequence[str], until: datetime) -> list[StoredSchedule]:
    """All of them, the most overdue first."""
    found: list[StoredSchedule] = []
    start_after = None
    while True:
        documents = await services.triggers.due_schedules(shards, until, start_after=start_after, limit=AT_ONCE)
        found.extend(_readable(documents, stored_schedule))
        if len(documents) < AT_ONCE:
            return found
        start_after = (documents[-1].fields["due_at"], documents[-1].path)


def _received_job(services: Services, received: Received) -> Job:
    return Job(received.id, lambda: route(services, received))


def _retrying(services: Services, failed: StoredDelivery) -> Callable[[], Awaitable[object]]:
    async def retry() -> None:
        delivery = failed.delivery
        stored = await _trigger(services, delivery.tenant, delivery.trigger_id)
        if stored is None:
            await record(services, msgspec.structs.replace(delivery, due_at=None), rev=failed.rev)
        elif stored.trigger.status is TriggerStatus.PAUSED:
            later = services.clock() + PAUSED_LOOK
            await record(services, msgspec.structs.replace(delivery, due_at=later), rev=failed.rev)
        else:
            await try_again(services, stored, failed)

    return retry


def _flushing(services: Services, waiting: StoredGathered) -> Callable[[], Awaitable[object]]:
    async def start() -> None:
        gathered = waiting.gathered
        stored = await _trigger(services, gathered.tenant, gathered.trigger_id)
        if stored is None:
            await abandon(services, waiting)
        elif stored.trigger.status is TriggerStatus.PAUSED:
            later = msgspec.structs.replace(gathered, due_at=services.clock() + PAUSED_LOOK)
            await services.deliveries.commit([gathered_write(later, rev=waiting.rev)])
        else:
            await flush(services, stored, waiting)

    return start


async def _trigger(services: Services, tenant: str, trigger_id: str) -> StoredTrigger | None:
    (stored,) = await services.triggers.by_id(tenant, [trigger_id])
    return stored


def _readable(documents: Sequence[Document], decode: Callable[[Document], _T]) -> list[_T]:
    """Without those that another version of the software wrote: they are left to it."""
    found: list[_T] = []
    for document in documents:
        try:
            found.append(decode(document))
        except IncompatibleData as error:
            _log.error("%s", error)  # a refusal; the message is complete
    return found
