"""A new execution is begun in the commit that creates it, where the worker has room; and what may go wrong meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from engine.bootstrap import open_engine
from engine.domain.errors import Unavailable
from engine.domain.ids import EXECUTION, derive
from engine.domain.status import ExecutionStatus
from engine.settings import Settings
from engine.storage.port import Conflict, Write
from engine.storage.sqlite import SqliteStore
from engine.usecases.start_execution import StartExecution, create, prepare
from engine.usecases.views import ExecutionView, view_of
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.parts import CALLS

E = ExecutionStatus


class HeldStore(SqliteStore):
    """Counts commits of executions, and holds them back while its gate is closed."""

    executions = 0
    failing = False
    gate: asyncio.Event

    async def commit(self, writes: Sequence[Write]) -> None:
        if any("/executions/" in write.path for write in writes):
            self.executions += 1
            if self.failing:
                raise Unavailable("the disk is full")
            await self.gate.wait()
        await super().commit(writes)


@pytest.fixture
async def store() -> AsyncIterator[HeldStore]:
    store = await HeldStore.open(None)
    store.gate = asyncio.Event()
    store.gate.set()
    yield store
    await store.close()


@pytest.fixture
async def client(settings: Settings, store: HeldStore) -> AsyncIterator[Client]:
    CALLS.clear()
    async with open_engine(settings, store=store) as engine:
        yield Client(engine)


async def test_a_chain_of_steps_costs_one_commit_more_than_it_has_steps(client: Client, store: HeldStore) -> None:
    await client.define(*(call(f"s{n}", "add", {"a": n}) for n in range(4)))
    await client.run()
    assert store.executions == 5


async def test_a_step_does_not_start_before_the_commit_that_creates_its_execution(
    client: Client, store: HeldStore
) -> None:
    await client.define(call("a", "add", {"a": 1}))
    store.gate.clear()
    starting = asyncio.create_task(client.start())
    await _until_committing(store)
    await asyncio.sleep(0.02)
    assert CALLS == []
    store.gate.set()
    await client.ended(await starting)
    assert CALLS == [("add", 1)]


async def test_what_is_answered_to_a_start_is_the_execution_as_it_was_created(client: Client) -> None:
    await client.define(call("a", "add", {"a": 1}))
    view = await _created(client, derive(EXECUTION, "x"))
    assert (view.state.status, view.state.seq, view.runs) == (E.QUEUED, 1, {})
    seen = [entry.seq async for entry in client.watch(view.state.id, after=view.state.seq)]
    assert seen == list(range(2, len(seen) + 2))


async def test_a_caller_that_hangs_up_while_its_start_is_committed_leaves_a_running_execution(
    client: Client, store: HeldStore
) -> None:
    await client.define(call("a", "add", {"a": 1}))
    execution_id = derive(EXECUTION, "hung up")
    store.gate.clear()
    starting = asyncio.create_task(_created(client, execution_id))
    await _until_committing(store)
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    store.gate.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await client.services.executions.view("local", execution_id) is None:
            await asyncio.sleep(0.001)
    assert (await client.ended(execution_id)).state.status is E.SUCCEEDED
    assert CALLS == [("add", 1)]


async def test_a_start_that_fails_gives_back_the_room_it_took(client: Client, store: HeldStore) -> None:
    await client.define(call("a", "add", {"a": 1}), lane="narrow")
    store.failing = True
    with pytest.raises(Unavailable, match="full"):
        await client.start()
    store.failing = False
    assert (await client.run()).state.status is E.SUCCEEDED


async def test_an_execution_that_is_created_twice_at_the_same_time_runs_once(client: Client) -> None:
    await client.define(call("a", "slow", {"value": 1}), call("b", "add", {"a": 1}))
    execution_id = derive(EXECUTION, "twice")
    both = [asyncio.create_task(_created(client, execution_id)) for _ in range(2)]
    await asyncio.wait(both)
    (error,) = [task.exception() for task in both if task.exception() is not None]
    assert isinstance(error, Conflict)
    assert (await client.ended(execution_id)).state.status is E.SUCCEEDED
    assert CALLS == [("slow begins", 1), ("slow ends", 1), ("add", 1)]


async def test_an_execution_for_which_its_lane_has_no_room_waits_for_its_turn(client: Client) -> None:
    await client.define(call("a", "slow", {"value": 1}), lane="narrow")
    first, second = await client.start(), await client.start()
    assert (await client.view(second)).state.status is E.QUEUED
    for execution_id in (first, second):
        assert (await client.ended(execution_id)).state.status is E.SUCCEEDED
    assert [name for name, _ in CALLS] == ["slow begins", "slow ends"] * 2


async def test_an_execution_that_ends_as_it_begins_is_told_to_its_end(client: Client, store: HeldStore) -> None:
    await client.define({"id": "a", "kind": "transform", "with": {"value": 1}}, output="${ steps.a.output }")
    view = await client.run()
    assert (view.state.status, view.state.output) == (E.SUCCEEDED, 1)
    assert store.executions == 1
    await _until_idle(client)


async def test_a_step_that_waits_from_the_beginning_holds_no_worker(client: Client) -> None:
    await client.define({"id": "a", "kind": "approval", "with": {"prompt": "Go on?"}})
    execution_id = await client.start()
    view = await client.until(execution_id, E.WAITING)
    assert list(view.runs) == ["a"]
    await _until_idle(client)


async def _created(client: Client, execution_id: str) -> ExecutionView:
    prepared = await prepare(client.services, client.caller, StartExecution(workflow="test"))
    return view_of(await create(client.services, client.caller, execution_id, prepared, []))


async def _until_committing(store: HeldStore) -> None:
    before = store.executions
    async with asyncio.timeout(PATIENCE_SECONDS):
        while store.executions == before:
            await asyncio.sleep(0.001)


async def _until_idle(client: Client) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while client.worker.driving:
            await asyncio.sleep(0.001)
