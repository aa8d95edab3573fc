"""Documents that another version of the software wrote: refused with a clear message, and left as they are."""

import asyncio
import logging

import msgspec
import pytest

from engine.bus.topics import EVENTS, WAKE
from engine.domain.errors import Unavailable
from engine.domain.status import ExecutionStatus
from engine.storage.port import Document, Put
from engine.storage.repositories.head import execution_path
from engine.usecases.signal_execution import signal_execution
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.cluster import Cluster

E = ExecutionStatus


async def rewritten(client: Client, execution_id: str, change: str) -> Document:
    """The head of a waiting execution, as another version would have it."""
    store, path = client.services.store, execution_path("local", execution_id)
    document = await store.get(path)
    assert document is not None
    head = msgspec.json.decode(document.body)
    if change == "newer format":
        head["format"] = 2
    elif change == "unknown event":
        head["tail"][-1] = {"type": "StepTeleported", "at": "2030-01-01T00:00:00Z"}
    else:
        head["state"]["status"] = "HIBERNATING"
    body = msgspec.json.encode(head)
    await store.commit([Put(path=path, body=body, fields=document.fields, if_rev=document.rev)])
    client.services.journal.forget("local", execution_id)
    written = await store.get(path)
    assert written is not None
    return written


@pytest.mark.parametrize("change", ["newer format", "unknown event", "unknown status"])
async def test_an_execution_of_another_version_is_refused_and_kept(
    client: Client, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    await client.define({"id": "s", "kind": "signal", "with": {"name": "go"}}, call("a", "echo", {"value": 1}))
    execution_id = await client.start()
    await client.until(execution_id, E.WAITING)
    written = await rewritten(client, execution_id, change)
    with pytest.raises(Unavailable, match=f"{execution_id}.*(another version|format 2)"):
        await client.services.journal.load("local", execution_id)
    with caplog.at_level(logging.ERROR):
        wake = {"tenant": "local", "execution_id": execution_id, "lane": "default", "priority": 0}
        client.services.bus.hint("weft.wake", msgspec.json.encode(wake))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "another version" not in caplog.text:
                await asyncio.sleep(0.005)
    assert await client.services.store.get(written.path) == written
    other = await client.start()
    await client.until(other, E.WAITING)


async def test_a_batch_of_another_version_does_not_end_the_sweep(cluster: Cluster) -> None:
    async with cluster.process("api") as api, cluster.process("worker"):
        await api.define(call("a", "echo", {"value": 1}))
        now = api.services.clock()
        body = msgspec.json.encode({"id": "ba_x", "action": "REWIND"})
        path, fields = "tenants/other/batches/ba_x", {"created_at": now, "due_at": now}
        await cluster.store.commit([Put(path=path, body=body, fields=fields)])
        await asyncio.sleep(1.1)  # a sweep
        cluster.bus.loses = {WAKE}
        execution_id = await api.start()
        assert (await api.ended(execution_id)).state.status is E.SUCCEEDED
        document = await cluster.store.get(path)
        assert document is not None
        assert document.body == body


async def test_an_unreadable_execution_does_not_keep_others_from_being_told_what_they_missed(cluster: Cluster) -> None:
    async with cluster.process("api") as api, cluster.process("worker"):
        other = Client(api.engine, "acme")
        for client in (api, other):
            await client.define({"id": "s", "kind": "signal", "with": {"name": "go"}}, call("a", "echo", {"value": 1}))
        async with api.engine.hub.changes("local"):
            unreadable, good = await api.start(), await other.start()
            await api.until(unreadable, E.WAITING)
            await other.until(good, E.WAITING)
            await rewritten(api, unreadable, "newer format")
            ended = asyncio.create_task(other.ended(good))
            await asyncio.sleep(0.05)
            cluster.bus.loses = {EVENTS}
            await signal_execution(other.services, other.caller, good, name="go", payload=5, idempotency_key=None)
            assert (await ended).state.status is E.SUCCEEDED
