"""What must hold in the store when everything has ended."""

from typing import Any

import msgspec

from engine.domain import events as e
from engine.storage.repositories.batches import stored_batch
from engine.storage.repositories.concurrency import Holders
from tests.chaos.clients import Clients
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
    return left


def check_aftermath(
    world: World, watchman: Watchman, clients: Clients, requests: Requests, definitions: dict[str, dict[str, Any]]
) -> None:
    for execution_id, log in watchman.logs.items():
        _check_log(watchman, execution_id, log, definitions)
        seen = clients.seen.get(execution_id)
        if seen is not None and seen != [msgspec.json.encode(event) for event in log.events]:
            watchman.violated(f"{execution_id}: a watcher saw {len(seen)} entries that are not those of the log")
    for execution_id in clients.accepted:
        if execution_id not in watchman.heads:
            watchman.violated(f"{execution_id} was accepted and is lost")
    for key, ids in clients.by_key.items():
        if len(ids) != 1:
            watchman.violated(f"the idempotency key {key} led to {sorted(ids)}")
    _check_batches(world, watchman, requests)
    _check_what_is_left(world.database, watchman)


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
        batch = known.get(batch_id)
        if batch is None or batch.total != total:
            watchman.violated(f"batch {batch_id} was accepted and is not there")


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
