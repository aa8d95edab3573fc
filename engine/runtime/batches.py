"""Carries out admitted batches, item by item, in order. What was done is done again harmlessly after a crash."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import msgspec
from msgspec.structs import replace

from engine.bus.port import Message
from engine.bus.topics import BATCH_WAKE, BatchWake
from engine.domain.batch import Batch, BatchAction, BatchItem, BatchMode, BatchStatus
from engine.domain.errors import Unavailable, WeftError
from engine.domain.events import ExecutionQueued
from engine.domain.execution.commands import Cancel, Pause, Resume
from engine.domain.ids import EXECUTION, TenantId, derive
from engine.storage.port import Conflict
from engine.storage.repositories.batches import ITEMS_PER_CHUNK, Chunk, StoredBatch
from engine.storage.repositories.decoding import IncompatibleData
from engine.storage.repositories.head import execution_path
from engine.usecases.batch_admission import item_error
from engine.usecases.caller import Caller, Role
from engine.usecases.keyed_change import change_once
from engine.usecases.resume_execution import resume_once
from engine.usecases.retry_execution import retry_as
from engine.usecases.services import Services
from engine.usecases.start_execution import Prepared, create
from engine.usecases.tending import Tending

_wake = msgspec.json.Decoder(BatchWake)
AT_A_TIME = 16
LEFT_ALONE = timedelta(seconds=15)
"""After each chunk; a worker that took so long for one is taken for dead."""
_VERB = "batch"
"""Every item acts under a key of its own, so that a batch that goes on after a crash finds what it did."""
_COMMANDS: dict[BatchAction, type[Cancel | Pause]] = {BatchAction.CANCEL: Cancel, BatchAction.PAUSE: Pause}


class BatchRunner:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._tending = Tending("batch")

    async def run(self, listening: asyncio.Event) -> None:
        """Takes hints until cancelled."""
        async with self._services.bus.consume(BATCH_WAKE, "batches", self._on_wake, concurrency=1):
            listening.set()
            try:
                await asyncio.Event().wait()
            finally:
                await self._tending.close()

    def offer(self, tenant: str, batch_id: str) -> None:
        """A batch with something left to do."""
        self._tending.begin(batch_id, partial(self._carry_out, TenantId(tenant), batch_id))

    async def _on_wake(self, message: Message) -> None:
        wake = _wake.decode(message.body)
        self.offer(wake.tenant, wake.batch_id)

    async def _carry_out(self, tenant: TenantId, batch_id: str) -> None:
        stored = await self._services.batches.get(tenant, batch_id)
        while stored is not None and stored.batch.carried_out < stored.batch.total:
            stored = await self._next_chunk(tenant, stored)

    async def _next_chunk(self, tenant: TenantId, stored: StoredBatch) -> StoredBatch | None:
        batch = stored.batch
        number = batch.carried_out // ITEMS_PER_CHUNK
        items = await self._services.batches.chunk(tenant, batch.id, number)
        caller = Caller(tenant=tenant, principal=batch.actor or "batch", role=Role.EDITOR)
        done = await self._carried_out_together(caller, batch, items)
        refused = _refused(done) - _refused(items)
        carried_out = min(batch.total, (number + 1) * ITEMS_PER_CHUNK)
        after = replace(
            batch,
            status=BatchStatus.RUNNING,
            carried_out=carried_out,
            accepted=batch.accepted - refused,
            rejected=batch.rejected + refused,
        )
        # Others leave it alone while it goes on here; where nobody else could take it, a restart finds it at once.
        rest = timedelta(0) if self._services.store.exclusive else LEFT_ALONE
        due = None if carried_out == batch.total else self._services.clock() + rest
        await self._services.batches.save(stored, after, due, Chunk(number, done))
        return await self._services.batches.get(tenant, batch.id)

    async def _carried_out_together(self, caller: Caller, batch: Batch, items: Sequence[BatchItem]) -> list[BatchItem]:
        """Some at a time, so that their commits are written together."""
        done: list[BatchItem] = []
        for start in range(0, len(items), AT_A_TIME):
            some = items[start : start + AT_A_TIME]
            done.extend(await asyncio.gather(*(self._carried_out(caller, batch, item) for item in some)))
        return done

    async def _carried_out(self, caller: Caller, batch: Batch, item: BatchItem) -> BatchItem:
        if item.error is not None:
            return item
        try:
            return await self._act(caller, batch, item)
        except IncompatibleData as error:
            return replace(item, error=item_error(error), request=None)
        except Unavailable:
            raise
        except WeftError as error:
            if isinstance(error, Conflict):
                raise
            return replace(item, error=item_error(error), request=None)

    async def _act(self, caller: Caller, batch: Batch, item: BatchItem) -> BatchItem:
        if batch.action is BatchAction.START:
            return await self._start(caller, batch, item)
        assert item.execution_id is not None
        if batch.action is BatchAction.RETRY:
            return await self._retry(caller, batch, item, item.execution_id)
        key = f"{batch.id}/{item.index}"
        if batch.action is BatchAction.RESUME:
            await resume_once(self._services, caller, item.execution_id, _resume(batch), key=key)
        else:
            command = _COMMANDS[batch.action](reason=batch.reason, actor=batch.actor)
            await change_once(
                self._services, caller, item.execution_id, command, verb=_VERB, key=key, request=batch.action
            )
        return item

    async def _start(self, caller: Caller, batch: Batch, item: BatchItem) -> BatchItem:
        """Under an id that derives from the batch, so that it is created once."""
        if item.execution_id is not None:
            return item
        execution_id = derive(EXECUTION, batch.id, str(item.index))
        queued = replace(msgspec.convert(item.request, ExecutionQueued, str_keys=True), batch_id=batch.id)
        plan = await self._services.plans.get(caller.tenant, queued.workflow_id, queued.version)
        concurrency = plan.workflow.concurrency
        if concurrency is not None and batch.mode is not BatchMode.BEST_EFFORT:
            concurrency = concurrency.model_copy(update={"on_limit": "queue"})
        prepared = Prepared(queued=queued, kept=(), concurrency=concurrency)
        try:
            await create(self._services, caller, execution_id, prepared, [])
        except Conflict as conflict:
            if conflict.document != execution_path(caller.tenant, execution_id):
                raise
        return replace(item, execution_id=execution_id, request=None)

    async def _retry(self, caller: Caller, batch: Batch, item: BatchItem, target: str) -> BatchItem:
        new_id = derive(EXECUTION, batch.id, str(item.index))
        if target == new_id:
            return item
        try:
            await retry_as(self._services, caller, target, new_id, from_step=None, batch_id=batch.id)
        except Conflict as conflict:
            if conflict.document != execution_path(caller.tenant, new_id):
                raise
        return replace(item, execution_id=new_id)


def _resume(batch: Batch) -> Resume:
    return Resume(reason=batch.reason, actor=batch.actor)


def _refused(items: Sequence[BatchItem]) -> int:
    return sum(item.error is not None for item in items)
