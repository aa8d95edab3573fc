"""What must hold in the store when everything has ended."""

from typing import Any

import msgspec

from engine.domain import events as e
from engine.domain.batch import BatchAction
from engine.storage.repositories.batches import stored_batch
from engine.storage.repositories.concurrency import Holders
from engine.storage.repositories.head import execution_path
from engine.storage.repositories.payloads import blob_paths, is_reference
from tests.chaos.clients import CALLER, Clients
from tests.chaos.process import World
from tests.chaos.requests import Requests
from tests.chaos.sim_database import Database
from tests.chaos.sim_store import true_time
from tests.chaos.slots import held
from tests.chaos.watchman import Log, Watchman
from tests.domain.log_rules import check_log

_holders = msgspec.json.Decoder(Holders)


def unfinished(database: Database, watchman: Watchman) -> list[str]:
    """What is still on its way, for people."""
    left = [
        f"{head.state.id} of {head.state.workflow} is {head.state.status}, lease {head.lease}, todo {head.todo}"
        for head in watchman.heads.values()
        if not head.state.terminal or head.todo
    ]
    for document in database.find("batches"):
        batch = stored_batch(document).batch
        if batch.carried_out < batch.total:
            left.append(f"batch {batch.id}: {batch.carried_out} of {batch.total} carried out")
    left.extend(f"{document.path} is not routed" for document in database.find("inbox"))
    left.extend(
        f"{document.path} waits for others" for document in database.find("buffers") if document.fields.get("due_at")
    )
    left.extend(
        f"{each.path} is to be tried again" for each in database.find("deliveries") if each.fields.get("due_at")
    )
    return left


def check_aftermath(
    world: World, watchman: Watchman, clients: Clients, requests: Requests, definitions: dict[str, dict[str, Any]]
) -> None:
    for execution_id, log in watchman.logs.items():
        _check_log(watchman, execution_id, log, definitions)
    for execution_id, seen in clients.seen:
        if seen != [_whole(world.database, execution_id, event) for event in watchman.logs[execution_id].events]:
            watchman.violated(f"{execution_id}: a watcher saw {len(seen)} entries that are not those of the log")
    for execution_id in clients.accepted:
        if execution_id not in watchman.heads:
            watchman.violated(f"{execution_id} was accepted and is lost")
    for key, ids in clients.by_key.items():
        if len(ids) != 1:
            watchman.violated(f"the idempotency key {key} led to {sorted(ids)}")
    _check_batches(world, watchman, requests)
    _check_signals(watchman, requests)
    _check_what_is_left(world.database, watchman)


def _whole(database: Database, execution_id: str, event: e.DurableEvent) -> bytes:
    """As a watcher gets it: with the large values that the log only refers to."""
    root = execution_path(CALLER.tenant, execution_id)
    values = {}
    for field in event.PAYLOADS:
        value = getattr(event, field)
        if is_reference(value):
            parts = [database.get(path) for path in blob_paths(root, value)]
            values[field] = msgspec.json.decode(b"".join(part.body for part in parts if part is not None))
    return msgspec.json.encode(msgspec.structs.replace(event, **values) if values else event)


def _check_log(watchman: Watchman, execution_id: str, log: Log, definitions: dict[str, dict[str, Any]]) -> None:
    first = log.events[0]
    if not isinstance(first, e.ExecutionQueued):
        watchman.violated(f"{execution_id}: the log begins with {first}")
        return
    ends = sum(isinstance(event, e.TERMINAL) for event in log.events)
    if ends != 1 or not log.ended:
        watchman.violated(f"{execution_id}: the log has {ends} ends")
    taken_over = 0
    if first.forked_from is not None:
        taken_over = _taken_over(log)
    try:
        check_log(definitions[first.workflow], log.events, taken_over=taken_over)
    except (AssertionError, LookupError) as error:
        watchman.violated(f"{execution_id}: the log breaks a rule: {error!r}")


def _taken_over(log: Log) -> int:
    """Entries that a retry or a fork took over: those of steps, before its own begin with its start or its end."""
    for place, event in enumerate(log.events[1:]):
        if not isinstance(event, e.StepEvent):
            return place
    return 0


def _check_batches(world: World, watchman: Watchman, requests: Requests) -> None:
    known = {document.id: stored_batch(document).batch for document in world.database.find("batches")}
    for batch_id, total in requests.batches.items():
        if batch_id not in known or known[batch_id].total != total:
            watchman.violated(f"batch {batch_id} was accepted and is not there")
    for batch in known.values():
        started = sum(head.state.batch_id == batch.id for head in watchman.heads.values())
        if batch.action is BatchAction.START and started != batch.accepted:
            watchman.violated(f"batch {batch.id}: {started} executions, of {batch.accepted} accepted")


def _check_signals(watchman: Watchman, requests: Requests) -> None:
    """What was sent under a key, until it was acknowledged, arrived once."""
    for execution_id, number in requests.signals:
        found = sum(
            isinstance(event, e.SignalReceived) and event.payload == {"n": number}
            for event in watchman.logs[execution_id].events
        )
        if found != 1:
            watchman.violated(f"{execution_id}: signal {number} is in the log {found} times")


def _check_what_is_left(database: Database, watchman: Watchman) -> None:
    for head in watchman.heads.values():
        if head.lease is not None:
            watchman.violated(f"{head.state.id}: a lease is left behind: {head.lease}")
    for document in database.find("waits"):
        watchman.violated(f"{document.path} waits for nobody")
    for document in database.find("concurrency"):
        ids = _holders.decode(document.body).ids
        if ids:
            watchman.violated(f"the concurrency key {document.id[:9]} is still held by {ids}")
    for document in database.find("slots"):
        slot = held(document)
        if slot.until is not None and slot.until > true_time():
            watchman.violated(f"{document.path} is leaked: {slot}")
