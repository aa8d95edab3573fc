"""Concurrency keys: who may begin, who waits, and who follows when one ends."""

import asyncio
from itertools import count

import msgspec

from engine.domain.definition import Concurrency
from engine.domain.errors import InvalidState, LimitExceeded, NotFound
from engine.domain.execution import decide
from engine.domain.execution.commands import Admit, Cancel
from engine.storage.port import Conflict, Create, Put
from engine.storage.repositories.concurrency import StoredHolders, holders_write
from engine.usecases.caller import Caller
from engine.usecases.services import Services

_QUEUE_LOOKED_AT = 20


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """`write` must be part of the commit that creates the execution, so that nobody is admitted or forgotten by a race."""

    admitted: bool
    write: Create | Put


async def admit(services: Services, caller: Caller, execution_id: str, key: str, concurrency: Concurrency) -> Admission:
    """Raises `LimitExceeded` where the workflow rejects what exceeds its limit."""
    holders = await services.concurrency.holders(caller.tenant, key)
    if len(holders.ids) < concurrency.limit:
        return Admission(admitted=True, write=holders_write(holders, (*holders.ids, execution_id)))
    if concurrency.on_limit == "reject":
        message = f"{len(holders.ids)} executions with this concurrency key are live; the limit is {concurrency.limit}"
        raise LimitExceeded(message, path=("workflow",))
    if concurrency.on_limit == "cancel_running":
        await _cancel_others(services, caller, holders, key, execution_id)
        holders = await services.concurrency.holders(caller.tenant, key)
        if len(holders.ids) < concurrency.limit:
            return Admission(admitted=True, write=holders_write(holders, (*holders.ids, execution_id)))
    # Raising the rev of the holders makes a release that happens meanwhile a conflict, so that it cannot overlook this one.
    return Admission(admitted=False, write=holders_write(holders, holders.ids))


async def _cancel_others(
    services: Services, caller: Caller, holders: StoredHolders, key: str, execution_id: str
) -> None:
    queued = await services.queries.queued_for(caller.tenant, key, limit=_QUEUE_LOOKED_AT)
    command = Cancel(reason=f"superseded by {execution_id}", actor=caller.principal)
    others = dict.fromkeys([*holders.ids, *(view.state.id for view in queued)])
    others.pop(execution_id, None)  # created by an earlier try, or by another process at the same time
    for other in others:
        try:
            await services.journal.change(caller.tenant, other, command)
        except (InvalidState, NotFound):
            continue  # it ended, or is being cancelled, in the meantime


async def release(services: Services, tenant: str, execution_id: str, key: str) -> None:
    """Takes an ended execution off its key and admits as many of those that wait as the limit allows."""
    conflicts = count()
    while True:
        holders = await services.concurrency.holders(tenant, key)
        rest = tuple(holder for holder in holders.ids if holder != execution_id)
        try:
            if await _admit_next(services, tenant, key, holders, rest):
                continue
            if rest != holders.ids:
                await services.store.commit([holders_write(holders, rest)])
        except Conflict:
            await asyncio.sleep(_rest(services, next(conflicts)))
        else:
            return


def _rest(services: Services, conflicts: int) -> float:
    """Seconds, at random: where many executions of one key end at once, they would meet again."""
    longest = 0.005 * 2.0 ** min(conflicts, 7)
    return longest * (0.5 + services.random_bytes(1)[0] / 255)


async def _admit_next(services: Services, tenant: str, key: str, holders: StoredHolders, rest: tuple[str, ...]) -> bool:
    """Admits one execution, together with what `rest` changes about the holders. Raises `Conflict`."""
    for view in await services.queries.queued_for(tenant, key, limit=_QUEUE_LOOKED_AT + len(rest)):
        if view.state.admitted:
            continue
        stored = await services.journal.load(tenant, view.state.id)
        concurrency = stored.execution.plan.workflow.concurrency
        if concurrency is None or len(rest) >= concurrency.limit:
            return False
        at = services.clock()
        decision = decide(stored.execution, Admit(), at)
        if not decision.events:
            continue
        write = holders_write(holders, (*rest, view.state.id))
        try:
            await services.journal.record(
                stored, decision.events, decision.execution, at, lease=stored.lease, writes=[write]
            )
        except Conflict:
            services.journal.forget(tenant, view.state.id)
            raise
        return True
    return False
