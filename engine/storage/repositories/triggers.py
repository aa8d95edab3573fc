"""Triggers, their unique names, the addresses of webhooks, and when schedules are due."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from engine.domain.definition import NAME
from engine.domain.ids import well_formed
from engine.domain.triggers.trigger import Trigger, TriggerKind
from engine.storage.port import Create, Delete, Document, DocumentStore, FieldValue, Filter, Op, Order, Put, Write
from engine.storage.repositories.decoding import decoded
from engine.storage.repositories.head import shard_of

_encode = msgspec.json.Encoder().encode


class StoredTrigger(msgspec.Struct, frozen=True):
    rev: int
    tenant: str
    trigger: Trigger


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a schedule has come. `next` is the scheduled time that fires next (None: never again), `due_at` when that is, its
    jitter and what it waits for included. `last` fired last; `execution_id` is the newest execution. `waiting` is a time that
    waits for that execution to end.
    """

    trigger_id: str
    next: datetime | None
    due_at: datetime | None
    last: datetime | None = None
    execution_id: str | None = None
    waiting: datetime | None = None


class StoredSchedule(msgspec.Struct, frozen=True):
    rev: int
    tenant: str
    schedule: Schedule


class _Hook(msgspec.Struct, frozen=True):
    tenant: str
    trigger_id: str


_trigger = msgspec.json.Decoder(Trigger)
_schedule = msgspec.json.Decoder(Schedule)
_hook = msgspec.json.Decoder(_Hook)


class TriggerRepository:
    def __init__(self, store: DocumentStore) -> None:
        self._store = store
        self.changes = 0
        """How often this process changed a trigger, counted before and after: what was read in between may be old."""

    async def create(self, tenant: str, trigger: Trigger, schedule: Schedule | None) -> None:
        """Raises `Conflict` on the name's document if the name is taken."""
        name = Create(path=name_path(tenant, trigger.name), body=_encode({"id": trigger.id}))
        head = Create(path=_path(tenant, trigger.id), body=_encode(trigger), fields=_fields(trigger))
        await self._commit([name, head, *_hooks(tenant, None, trigger), *_schedule_writes(tenant, trigger, schedule)])

    async def save(
        self,
        before: StoredTrigger,
        after: Trigger,
        schedule: Schedule | None,
        writes: Sequence[Write] = (),
        *,
        schedule_rev: int | None = None,
    ) -> None:
        """`schedule` is where a schedule stands then, which stands where it stood at `schedule_rev` still. Raises `Conflict` if somebody
        else wrote since `before`.
        """
        tenant = before.tenant
        head = Put(path=_path(tenant, after.id), body=_encode(after), fields=_fields(after), if_rev=before.rev)
        await self._commit(
            [
                head,
                *_hooks(tenant, before.trigger, after),
                *_schedule_writes(tenant, after, schedule, schedule_rev),
                *writes,
            ]
        )

    async def delete(self, stored: StoredTrigger) -> None:
        """What it delivered stays until it expires. Raises `Conflict` as `save` does."""
        tenant, trigger = stored.tenant, stored.trigger
        await self._commit(
            [
                Delete(path=_path(tenant, trigger.id), if_rev=stored.rev),
                Delete(path=name_path(tenant, trigger.name)),
                Delete(path=schedule_path(tenant, trigger.id)),
                Delete(path=f"tenants/{tenant}/throttles/{trigger.id}"),
                *_hooks(tenant, trigger, None),
            ]
        )

    async def _commit(self, writes: Sequence[Write]) -> None:
        self.changes += 1
        try:
            await self._store.commit(writes)
        finally:
            self.changes += 1

    async def by_name(self, tenant: str, name: str) -> StoredTrigger | None:
        document = await self._store.get(name_path(tenant, name)) if re.fullmatch(NAME, name) else None
        if document is None:
            return None
        found: dict[str, Any] = msgspec.json.decode(document.body)
        return (await self.by_id(tenant, [found["id"]]))[0]

    async def by_id(self, tenant: str, ids: Sequence[str]) -> list[StoredTrigger | None]:
        possible = [each for each in ids if well_formed(each)]
        documents = await self._store.get_many([_path(tenant, each) for each in possible])
        found = {document.id: _stored(document) for document in documents if document is not None}
        return [found.get(each) for each in ids]

    async def by_hook(self, token: str) -> StoredTrigger | None:
        """Of whichever tenant: the token is all that a sender has."""
        stored = await self._at(token)
        return stored if stored is not None and stored.trigger.hook_token == token else None

    async def by_push(self, trigger_id: str) -> StoredTrigger | None:
        """One whose source is Pub/Sub, of whichever tenant: its id is all that the address says, and proves nothing."""
        return await self._at(_pushed(trigger_id)) if well_formed(trigger_id) else None

    async def _at(self, address: str) -> StoredTrigger | None:
        document = await self._store.get(_hook_path(address))
        if document is None:
            return None
        hook = decoded(_hook, document)
        return (await self.by_id(hook.tenant, [hook.trigger_id]))[0]

    async def page(
        self,
        tenant: str,
        *,
        kinds: Sequence[TriggerKind] | None,
        workflow_id: str | None = None,
        start_after: tuple[datetime, str] | None,
        limit: int,
    ) -> list[StoredTrigger]:
        """Newest first."""
        documents = await self._store.query(
            f"tenants/{tenant}/triggers",
            filters=_of(kinds, workflow_id),
            order=(Order("created_at", descending=True),),
            start_after=start_after,
            limit=limit,
        )
        return [_stored(document) for document in documents]

    async def count(
        self, tenant: str, *, kinds: Sequence[TriggerKind] | None = None, workflow_id: str | None = None
    ) -> int:
        return await self._store.count(f"tenants/{tenant}/triggers", filters=_of(kinds, workflow_id))

    async def all_of(self, kind: TriggerKind, *, tenant: str | None = None) -> list[StoredTrigger]:
        """Oldest first; those of all tenants where none is named."""
        found: list[StoredTrigger] = []
        start_after: tuple[FieldValue, ...] | None = None
        while True:
            documents = await self._store.query(
                f"tenants/{tenant}/triggers" if tenant else "triggers",
                filters=(Filter("kind", Op.EQ, kind.value),),
                order=(Order("created_at"),),
                start_after=start_after,
                limit=_AT_ONCE,
            )
            found.extend(_stored(document) for document in documents)
            if len(documents) < _AT_ONCE:
                return found
            last = documents[-1]
            start_after = (last.fields["created_at"], last.id if tenant else last.path)

    # -------------------------------------------------------------- schedules

    async def schedule(self, tenant: str, trigger_id: str) -> StoredSchedule | None:
        document = await self._store.get(schedule_path(tenant, trigger_id))
        return stored_schedule(document) if document else None

    async def schedules(self, tenant: str, trigger_ids: Sequence[str]) -> list[StoredSchedule | None]:
        documents = await self._store.get_many([schedule_path(tenant, each) for each in trigger_ids])
        return [stored_schedule(document) if document else None for document in documents]

    async def due_schedules(
        self, shards: Sequence[str], until: datetime, *, start_after: tuple[FieldValue, ...] | None, limit: int
    ) -> list[Document]:
        """Of all tenants, the most overdue first; see `stored_schedule`."""
        return await self._store.query(
            "schedules",
            filters=(Filter("shard", Op.IN, tuple(shards)), Filter("due_at", Op.LE, until)),
            order=(Order("due_at"),),
            start_after=start_after,
            limit=limit,
        )


def stored_schedule(document: Document) -> StoredSchedule:
    """Raises `IncompatibleData`."""
    return StoredSchedule(document.rev, document.path.split("/")[1], decoded(_schedule, document))


def schedule_put(tenant: str, schedule: Schedule, *, if_rev: int | None) -> Write:
    return Put(
        path=schedule_path(tenant, schedule.trigger_id),
        body=_encode(schedule),
        fields={"shard": shard_of(schedule.trigger_id), "due_at": schedule.due_at},
        if_rev=if_rev,
    )


def schedule_path(tenant: str, trigger_id: str) -> str:
    return f"tenants/{tenant}/schedules/{trigger_id}"


def name_path(tenant: str, name: str) -> str:
    return f"tenants/{tenant}/names/triggers:{name}"


_AT_ONCE = 200


def _stored(document: Document) -> StoredTrigger:
    return StoredTrigger(document.rev, document.path.split("/")[1], decoded(_trigger, document))


def _fields(trigger: Trigger) -> dict[str, FieldValue]:
    return {"kind": trigger.kind.value, "workflow_id": trigger.workflow_id, "created_at": trigger.created_at}


def _of(kinds: Sequence[TriggerKind] | None, workflow_id: str | None) -> tuple[Filter, ...]:
    of_kinds = (Filter("kind", Op.IN, tuple(kind.value for kind in kinds)),) if kinds is not None else ()
    return of_kinds if workflow_id is None else (*of_kinds, Filter("workflow_id", Op.EQ, workflow_id))


def _path(tenant: str, trigger_id: str) -> str:
    return f"tenants/{tenant}/triggers/{trigger_id}"


def _schedule_writes(tenant: str, trigger: Trigger, schedule: Schedule | None, rev: int | None = None) -> list[Write]:
    if schedule is not None:
        return [schedule_put(tenant, schedule, if_rev=rev)]
    return [] if trigger.kind is TriggerKind.SCHEDULE else [Delete(path=schedule_path(tenant, trigger.id))]


def _hooks(tenant: str, before: Trigger | None, after: Trigger | None) -> list[Write]:
    """What makes the address of a trigger lead to it, and the one that it had lead nowhere."""
    old, new = (_address(each) if each else None for each in (before, after))
    if old == new or not (old or new):
        return []
    writes: list[Write] = [Delete(path=_hook_path(old))] if old else []
    if new and after:
        writes.append(Create(path=_hook_path(new), body=_encode(_Hook(tenant, after.id))))
    return writes


def _address(trigger: Trigger) -> str | None:
    return _pushed(trigger.id) if trigger.kind is TriggerKind.PUBSUB else trigger.hook_token


def _pushed(trigger_id: str) -> str:
    """No webhook's token: those have no space."""
    return f"push {trigger_id}"


def _hook_path(token: str) -> str:
    """By a hash, so that whoever reads a list of addresses cannot call them."""
    return f"hooks/{hashlib.sha256(token.encode()).hexdigest()}"
