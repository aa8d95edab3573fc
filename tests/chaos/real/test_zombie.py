"""A worker that stood still beyond its lease, and goes on as if it had not: everything has moved on without it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.storage.firestore import FirestoreStore
from engine.storage.indexes import COLLECTIONS
from engine.storage.repositories.head import execution_path
from engine.storage.repositories.slots import Slot
from tests.chaos.real.effects import EFFECTS, EffectLog
from tests.e2e.caller import CREATE, SIGNAL, Caller
from tests.e2e.cloud import Cloud, Process, key
from tests.emulators import Emulators
from tests.patience import PATIENCE_SECONDS

SETTLED_SECONDS = 0.5
LARGE = 300_000
HUGE = 2_500_000
"""Characters of an output whose chunks are written before the commit that refers to them."""

HELD: dict[str, Any] = {
    "name": "held",
    "lane": "narrow",
    "steps": [
        {
            "id": "graph",
            "kind": "graph",
            "needs": [],
            "with": {"graph": "real.graph", "input": {"execution": "${ execution.id }", "gate": "gate"}},
        },
        *(
            {
                "id": name,
                "kind": "function",
                "needs": [],
                "lane": "narrow",
                "with": {"call": "real.hold", "args": {"gate": "gate", "size": size}},
            }
            for name, size in (("large", LARGE), ("huge", HUGE))
        ),
        {
            "id": "wait",
            "kind": "signal",
            "needs": ["graph", "large", "huge"],
            "when": "${ input.waits }",
            "with": {"name": "go"},
        },
        {"id": "last", "kind": "function", "needs": ["wait"], "join": "always", "with": {"call": "real.work"}},
    ],
    "output": "${ steps.graph.output.seen }",
}
QUICK = {
    "name": "quick",
    "lane": "narrow",
    "steps": [{"id": "a", "kind": "function", "with": {"call": "real.work", "args": {"value": 1}}}],
}
AT_ONCE = 2
_slot = msgspec.json.Decoder(Slot)


@pytest.fixture
async def cloud(tmp_path: Path, emulators: Emulators) -> AsyncIterator[Cloud]:
    settings = {
        "WEFT_LEASE": "2s",
        "WEFT_LANES": "narrow=4",
        "WEFT_MODULES": "tests.chaos.real.functions",
        EFFECTS: str(tmp_path / "effects"),
    }
    async with Cloud(tmp_path, emulators, **settings) as opened:
        yield opened


@pytest.fixture
async def store(cloud: Cloud) -> AsyncIterator[FirestoreStore]:
    opened = await cloud.open_store()
    yield opened
    await opened.close()


@pytest.mark.timeout(240)
async def test_a_worker_that_stood_still_beyond_its_lease_writes_nothing_when_it_goes_on(
    cloud: Cloud, store: FirestoreStore
) -> None:
    api, zombie = await cloud.start_all("api", "worker")
    effects = EffectLog(cloud.directory / "effects")
    async with Caller(lambda: [api.url]) as caller:
        await caller.insist(CREATE, definition=HELD)
        waits, ends = [await caller.start("held", key=key(), input={"waits": waits}) for waits in (True, False)]
        await _until(lambda: _under_way(effects, zombie) == 3 * AT_ONCE)
        zombie.freeze()
        (cloud.directory / "gate").touch()
        other = await cloud.start("worker")
        await caller.until(waits, "WAITING")
        await caller.until(ends, "SUCCEEDED")
        before = await _settled(store, waits, ends)
        logs = [await caller.log(each) for each in (waits, ends)]

        zombie.thaw()
        await _until(lambda: _noticed(zombie, waits) and not _under_way(effects, zombie))
        after = await _settled(store, waits, ends)
        assert _differences(before, after) == []
        assert [await caller.log(each) for each in (waits, ends)] == logs

        assert await other.stop() == 0
        await caller.insist(SIGNAL, id=waits, name="go", payload=None, key=key())
        ended = await caller.until(waits, "SUCCEEDED")
        assert str(zombie.pid) not in str(ended["output"][1:]), "what was taken over is what had been recorded"
        await caller.insist(CREATE, definition=QUICK)
        for _ in range(2):
            await caller.until(await caller.start("quick", key=key()), "SUCCEEDED")
        assert zombie.running


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def _under_way(effects: EffectLog, process: Process) -> int:
    effects.look()
    return len(effects.under_way(process.pid))


def _noticed(process: Process, execution_id: str) -> bool:
    """Where a commit was on its way when it was frozen, what it sees first is that this one was not answered in time."""
    lost = ("is driven by somebody else", "could not be driven")
    return any(f"execution {execution_id} {said}" in process.log for said in lost)


# ---------------------------------------------------------------- what is stored


Documents = dict[str, tuple[int, bytes]]


async def _stored(store: FirestoreStore, *execution_ids: str) -> Documents:
    """Every document of the executions, and the slots of the lane."""
    roots = [execution_path("local", each) for each in execution_ids]
    found = [head for head in await store.get_many(roots) if head is not None]
    for collection in ("lanes/narrow/slots", *(f"{root}/{name}" for root in roots for name in COLLECTIONS)):
        found += await store.query(collection, limit=300)
    return {document.path: (document.rev, document.body) for document in found}


async def _settled(store: FirestoreStore, *execution_ids: str) -> Documents:
    """What is stored once nobody writes any more: slots are freed a moment after their use."""
    before = await _stored(store, *execution_ids)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            await asyncio.sleep(SETTLED_SECONDS)
            after = await _stored(store, *execution_ids)
            if after == before:
                return after
            before = after


def _differences(before: Documents, after: Documents) -> list[str]:
    """Not of slots that nobody took from the zombie: a renewal that was under way when it was frozen may still arrive, and harms nobody."""
    paths = sorted(
        path
        for path in before.keys() | after.keys()
        if before.get(path) != after.get(path) and not (path in before and _ran_out(path, before[path][1]))
    )
    return [f"{path}: rev {before.get(path, (0,))[0]} -> {after.get(path, (0,))[0]}" for path in paths]


def _ran_out(path: str, body: bytes) -> bool:
    """Whether it is a slot whose lease was over, and which nobody had taken since."""
    return "/slots/" in path and (until := _slot.decode(body).until) is not None and until < datetime.now(UTC)
