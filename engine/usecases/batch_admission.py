"""Admits a batch: decides which items may be done, and commits the manifest, which is the promise to do them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.bus.topics import BATCH_WAKE, BatchWake
from engine.domain.batch import Batch, BatchAction, BatchItem, BatchMode, BatchStatus, ItemError
from engine.domain.errors import NotFound, ValidationFailed, WeftError
from engine.domain.ids import BATCH
from engine.storage.port import Conflict
from engine.storage.repositories.idempotency import path_of, use
from engine.usecases.caller import Caller
from engine.usecases.services import Services

_NOT_ALL = ItemError(code="INVALID_STATE", message="another item of the atomic batch was refused")


class NewBatch(msgspec.Struct, frozen=True, kw_only=True):
    """`items` with an error are refused. `request` is what an idempotency key must be used with again."""

    action: BatchAction
    mode: BatchMode
    items: Sequence[BatchItem]
    request: Any
    reason: str | None = None


async def known_batch(services: Services, caller: Caller, verb: str, key: str | None, request: Any) -> Batch | None:
    """The batch that an earlier use of the key made. Raises `IdempotencyMismatch`."""
    if key is None:
        return None
    known = await services.idempotency.find(caller.tenant, verb, key, request)
    if known is None:
        return None
    stored = await services.batches.get(caller.tenant, known)
    if stored is None:
        raise NotFound(f"batch {known} is gone", path=("idempotencyKey",))
    return stored.batch


async def admit_batch(services: Services, caller: Caller, verb: str, key: str | None, new: NewBatch) -> Batch:
    """Durable when it returns; what was accepted is then done, whatever happens."""
    items = _all_or_none(new.items) if new.mode is BatchMode.ATOMIC else list(new.items)
    rejected = sum(item.error is not None for item in items)
    nothing_to_do = rejected == len(items)
    now = services.clock()
    batch = Batch(
        id=services.mint(BATCH),
        action=new.action,
        mode=new.mode,
        status=BatchStatus.COMPLETED if nothing_to_do else BatchStatus.ACCEPTED,
        total=len(items),
        accepted=len(items) - rejected,
        rejected=rejected,
        created_at=now,
        actor=caller.principal,
        reason=new.reason,
        carried_out=len(items) if nothing_to_do else 0,
    )
    expire_at = now + services.limits.idempotency_window
    writes = (
        [use(caller.tenant, verb, key, request=new.request, result_id=batch.id, expire_at=expire_at)]
        if key is not None
        else []
    )
    try:
        await services.batches.create(caller.tenant, batch, items, None if nothing_to_do else now, writes)
    except Conflict as conflict:
        if key is None or conflict.document != path_of(caller.tenant, verb, key):
            raise
        known = await known_batch(services, caller, verb, key, new.request)
        assert known is not None
        return known
    if not nothing_to_do:
        body = msgspec.json.encode(BatchWake(tenant=caller.tenant, batch_id=batch.id))
        services.bus.hint(BATCH_WAKE, body)
    return batch


def _all_or_none(items: Sequence[BatchItem]) -> list[BatchItem]:
    if all(item.error is None for item in items):
        return list(items)
    return [
        item if item.error else msgspec.structs.replace(item, error=_NOT_ALL, execution_id=None, request=None)
        for item in items
    ]


def item_error(error: WeftError) -> ItemError:
    problems = error.problems if isinstance(error, ValidationFailed) else ()
    return ItemError(code=error.code, message=error.message, path=error.path or (), problems=problems)
