"""Batches whose items do not fit into a document, or into one commit."""

import asyncio
from collections.abc import Sequence

import pytest

from engine.domain.batch import Batch, BatchAction, BatchItem, BatchMode, BatchStatus
from engine.domain.errors import PayloadTooLarge
from engine.domain.status import ExecutionStatus
from engine.storage.port import Conflict, Create, DocumentStore
from engine.storage.repositories.batches import BatchRepository, batch_path
from engine.usecases.paging import PageRequest
from engine.usecases.read_batches import list_batch_items
from engine.usecases.start_execution import StartExecution
from engine.usecases.start_executions import start_executions
from tests.counted_store import CountedStore
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call

MEGABYTE = 1_000_000


def items(count: int, size: int) -> list[StartExecution]:
    return [StartExecution(workflow="test", input={"n": n, "text": f"{n % 10}" * size}) for n in range(count)]


def accepted(client: Client, total: int) -> Batch:
    return Batch(
        id="bt_large",
        action=BatchAction.START,
        mode=BatchMode.ATOMIC,
        status=BatchStatus.ACCEPTED,
        total=total,
        accepted=total,
        rejected=0,
        created_at=client.services.clock(),
    )


async def finished(client: Client, batch: Batch) -> list[BatchItem]:
    """The items, once all of them were carried out."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            stored = await client.services.batches.get("local", batch.id)
            assert stored is not None
            if stored.batch.carried_out == stored.batch.total:
                break
            await asyncio.sleep(0.005)
    page = await list_batch_items(
        client.services, client.caller, batch.id, only_errors=False, page=PageRequest(first=100)
    )
    return list(page.items)


async def blobs(store: DocumentStore, batch_id: str) -> int:
    return await store.count(f"{batch_path('local', batch_id)}/blobs")


async def test_items_of_a_megabyte_each_are_admitted_together_and_carried_out(client: Client) -> None:
    await client.define(call("size", "echo", {"value": "${ size(input.text) }"}), output="${ steps.size.output }")
    given = items(12, MEGABYTE)
    batch = await start_executions(client.services, client.caller, given, BatchMode.ATOMIC, "once")
    assert batch.status is BatchStatus.ACCEPTED
    again = await start_executions(client.services, client.caller, given, BatchMode.ATOMIC, "once")
    assert again.id == batch.id
    ids = [item.execution_id for item in await finished(client, batch)]
    assert len(set(ids)) == 12
    for execution_id in ids:
        assert execution_id is not None
        ended = await client.ended(execution_id)
        assert (ended.state.status, ended.state.output) == (ExecutionStatus.SUCCEEDED, MEGABYTE)
    assert await blobs(client.services.store, batch.id) == 0  # what was started is kept by what it started


async def test_no_commit_of_a_large_batch_is_beyond_what_firestore_takes(client: Client) -> None:
    counted = CountedStore(client.services.store)
    repository = BatchRepository(counted)
    batch = accepted(client, 1000)
    large = [BatchItem(index=n, request={"text": "x" * 12_000}) for n in range(1000)]
    await repository.create("local", batch, large, None)
    sizes = [sum(len(getattr(write, "body", b"")) for write in writes) for writes in counted.commits]
    assert max(sizes) < 3_000_000
    assert await repository.chunk("local", batch.id, 9) == large[900:]


async def test_a_batch_that_is_not_admitted_leaves_no_items_behind(client: Client) -> None:
    store = client.services.store
    await store.commit([Create(path="tenants/local/names/taken", body=b"")])
    batch = accepted(client, 3)
    large = [BatchItem(index=n, request={"text": "x" * MEGABYTE}) for n in range(3)]
    with pytest.raises(Conflict):
        await client.services.batches.create(
            "local", batch, large, None, [Create(path="tenants/local/names/taken", body=b"")]
        )
    assert await blobs(store, batch.id) == 0


async def test_a_manifest_has_a_limit_that_is_told(client: Client) -> None:
    await client.define(call("size", "echo"))
    one: Sequence[StartExecution] = items(1, MEGABYTE)
    with pytest.raises(PayloadTooLarge, match=r"more than 64,000,000 bytes") as refusal:
        await start_executions(client.services, client.caller, [*one] * 70, BatchMode.ATOMIC, None)
    assert refusal.value.path == ("items",)
