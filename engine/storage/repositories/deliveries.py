"""What triggers did with events, what is still to be routed or tried again, and what they remember to decide."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from engine.domain.ids import well_formed
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.storage.port import Create, Delete, Document, DocumentStore, FieldValue, Filter, Op, Order, Put, Write
from engine.storage.repositories.decoding import decoded
from engine.storage.repositories.head import shard_of

_encode = msgspec.json.Encoder().encode


class StoredDelivery(msgspec.Struct, frozen=True):
    rev: int
    delivery: Delivery


class Received(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that was accepted and is to be given to the triggers that take it. `depth` counts the executions that led to it."""

    id: str
    tenant: str
    event: CloudEvent
    due_at: datetime
    depth: int = 0
    attempts: int = 0


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a trigger that wait for one execution, oldest first, by the ids of their deliveries. `bytes` is what they are as JSON;
    `attempts` counts tries to start it. Those that are set `apart` are enough. Where others are added to, an empty one is kept for a
    while: whoever has read it before must not take one that was made anew for the same.
    """

    id: str
    tenant: str
    trigger_id: str
    delivery_ids: tuple[str, ...]
    due_at: datetime | None
    bytes: int = 0
    attempts: int = 0
    apart: bool = False


class StoredGathered(msgspec.Struct, frozen=True):
    rev: int
    gathered: Gathered


class Window(msgspec.Struct, frozen=True):
    """When the newest executions of a throttled trigger were started, oldest first."""

    starts: tuple[datetime, ...] = ()


_EMPTY_KEPT = timedelta(days=1)
_delivery = msgspec.json.Decoder(Delivery)
_received = msgspec.json.Decoder(Received)
_gathered = msgspec.json.Decoder(Gathered)
_window = msgspec.json.Decoder(Window)


class DeliveryRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store

    async def commit(self, writes: Sequence[Write]) -> None:
        """Raises `Conflict`."""
        await self._store.commit(writes)

    async def get(self, tenant: str, delivery_id: str) -> StoredDelivery | None:
        return (await self.get_many(tenant, [delivery_id]))[0]

    async def get_many(self, tenant: str, ids: Sequence[str]) -> list[StoredDelivery | None]:
        possible = [each for each in ids if well_formed(each)]
        documents = await self._store.get_many([delivery_path(tenant, each) for each in possible])
        found = {each.id: StoredDelivery(each.rev, decoded(_delivery, each)) for each in documents if each is not None}
        return [found.get(each) for each in ids]

    async def page(
        self,
        tenant: str,
        trigger_id: str,
        *,
        outcomes: Sequence[DeliveryOutcome] | None,
        start_after: tuple[datetime, str] | None,
        limit: int,
        descending: bool = True,
    ) -> list[Delivery]:
        documents = await self._store.query(
            f"tenants/{tenant}/deliveries",
            filters=_of(trigger_id, outcomes),
            order=(Order("at", descending=descending),),
            start_after=start_after,
            limit=limit,
        )
        return [decoded(_delivery, document) for document in documents]

    async def count(self, tenant: str, trigger_id: str, outcomes: Sequence[DeliveryOutcome] | None) -> int:
        return await self._store.count(f"tenants/{tenant}/deliveries", filters=_of(trigger_id, outcomes))

    async def due(self, collection: str, shards: Sequence[str], now: datetime, *, limit: int) -> list[Document]:
        """Of all tenants: `deliveries` to try again, `inbox` to route, `buffers` that waited long enough."""
        return await self._store.query(
            collection,
            filters=(Filter("shard", Op.IN, tuple(shards)), Filter("due_at", Op.LE, now)),
            order=(Order("due_at"),),
            limit=limit,
        )

    async def gathered(self, tenant: str, buffer_id: str) -> StoredGathered | None:
        document = await self._store.get(gathered_path(tenant, buffer_id))
        return StoredGathered(document.rev, decoded(_gathered, document)) if document else None

    async def window(self, tenant: str, trigger_id: str) -> tuple[int | None, Window]:
        """And the rev of its document, if there is one."""
        document = await self._store.get(_window_path(tenant, trigger_id))
        return (document.rev, decoded(_window, document)) if document else (None, Window())

    async def dedup(self, tenant: str, trigger_id: str, key: str, now: datetime) -> tuple[int | None, bool]:
        """The rev of what is remembered of the key, if anything is; and whether its window is still open."""
        document = await self._store.get(dedup_path(tenant, trigger_id, key))
        if document is None:
            return None, False
        until = msgspec.json.decode(document.body, type=datetime)
        return document.rev, until > now


def decoded_delivery(document: Document) -> StoredDelivery:
    """Raises `IncompatibleData`."""
    return StoredDelivery(document.rev, decoded(_delivery, document))


def decoded_received(document: Document) -> Received:
    """Raises `IncompatibleData`."""
    return decoded(_received, document)


def decoded_gathered(document: Document) -> StoredGathered:
    """Raises `IncompatibleData`."""
    return StoredGathered(document.rev, decoded(_gathered, document))


def delivery_write(delivery: Delivery, *, rev: int | None, expire_at: datetime | None) -> Write:
    """`rev` None: it is new."""
    path = delivery_path(delivery.tenant, delivery.id)
    fields: dict[str, FieldValue] = {
        "trigger_id": delivery.trigger_id,
        "outcome": delivery.outcome.value,
        "at": delivery.at,
        "shard": shard_of(delivery.id),
        "due_at": delivery.due_at,
        "expire_at": expire_at,
    }
    if rev is None:
        return Create(path=path, body=_encode(delivery), fields=fields)
    return Put(path=path, body=_encode(delivery), fields=fields, if_rev=rev)


def received_write(received: Received) -> Write:
    fields: dict[str, FieldValue] = {"shard": shard_of(received.id), "due_at": received.due_at}
    return Put(path=received_path(received), body=_encode(received), fields=fields)


def received_path(received: Received) -> str:
    return f"tenants/{received.tenant}/inbox/{received.id}"


def routed_write(received: Received) -> Write:
    return Delete(path=received_path(received))


def gathered_write(gathered: Gathered, *, rev: int | None, expire_at: datetime | None = None) -> Write:
    path = gathered_path(gathered.tenant, gathered.id)
    fields: dict[str, FieldValue] = {"shard": shard_of(gathered.id), "due_at": gathered.due_at, "expire_at": expire_at}
    if rev is None:
        return Create(path=path, body=_encode(gathered), fields=fields)
    return Put(path=path, body=_encode(gathered), fields=fields, if_rev=rev)


def given_write(waiting: StoredGathered, now: datetime) -> Write:
    """Once an execution has got them."""
    gathered = waiting.gathered
    if gathered.apart:
        return Delete(path=gathered_path(gathered.tenant, gathered.id), if_rev=waiting.rev)
    empty = msgspec.structs.replace(gathered, delivery_ids=(), due_at=None, bytes=0, attempts=0)
    return gathered_write(empty, rev=waiting.rev, expire_at=now + _EMPTY_KEPT)


def gathered_path(tenant: str, buffer_id: str) -> str:
    return f"tenants/{tenant}/buffers/{buffer_id}"


def window_write(tenant: str, trigger_id: str, window: Window, *, rev: int | None) -> Write:
    path, body = _window_path(tenant, trigger_id), _encode(window)
    return Create(path=path, body=body) if rev is None else Put(path=path, body=body, if_rev=rev)


def dedup_write(tenant: str, trigger_id: str, key: str, until: datetime, *, rev: int | None) -> Write:
    path, fields = dedup_path(tenant, trigger_id, key), {"expire_at": until}
    if rev is None:
        return Create(path=path, body=_encode(until), fields=fields)
    return Put(path=path, body=_encode(until), fields=fields, if_rev=rev)


def delivery_path(tenant: str, delivery_id: str) -> str:
    return f"tenants/{tenant}/deliveries/{delivery_id}"


def dedup_path(tenant: str, trigger_id: str, key: str) -> str:
    digest = hashlib.sha256(f"{trigger_id}\x1f{key}".encode()).hexdigest()
    return f"tenants/{tenant}/dedup/{digest}"


def _window_path(tenant: str, trigger_id: str) -> str:
    return f"tenants/{tenant}/throttles/{trigger_id}"


def _of(trigger_id: str, outcomes: Sequence[DeliveryOutcome] | None) -> tuple[Filter, ...]:
    filters = [Filter("trigger_id", Op.EQ, trigger_id)]
    if outcomes is not None:
        filters.append(Filter("outcome", Op.IN, tuple(each.value for each in outcomes)))
    return tuple(filters)
