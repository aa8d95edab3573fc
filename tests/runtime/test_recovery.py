"""What survives: restarts, lost leases, a store that fails for a while, subscribers that do not keep up."""

import asyncio
from datetime import timedelta

import pytest

from engine.bootstrap import open_engine
from engine.domain.errors import NotFound, Unavailable
from engine.domain.events import StepStarted
from engine.domain.status import ExecutionStatus
from engine.runtime.hub import ENTRIES_BUFFERED
from engine.settings import Settings
from engine.storage.repositories.head import Lease
from engine.storage.sqlite import CannotOpenStore, SqliteStore
from engine.usecases.complete_step import complete_step
from engine.usecases.read_executions import executions_by_id
from engine.usecases.signal_execution import signal_execution
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.conftest import OpenEngine
from tests.runtime.failing_store import FailingStore
from tests.runtime.parts import CALLS

E = ExecutionStatus


async def test_an_execution_goes_on_after_a_restart_and_recorded_steps_are_not_run_again(opened: OpenEngine) -> None:
    async with opened() as client:
        await client.define(
            call("a", "echo", {"value": "a"}),
            call("b", "slow", {"value": "b", "seconds": 0.2}),
            call("c", "echo", {"value": "c"}),
        )
        execution_id = await client.start()
        await client.until_event(execution_id, StepStarted, step_id="b")
    assert ("slow ends", "b") not in CALLS
    async with opened() as client:
        view = await client.ended(execution_id)
        assert view.state.status is E.SUCCEEDED
        names = await client.names(execution_id)
    assert CALLS.count(("echo", "a")) == 1
    assert CALLS.count(("slow begins", "b")) == 2
    assert view.runs["b"].attempt == 1
    assert view.runs["b"].infra_retries == 1
    assert names.count("ExecutionSucceeded") == 1
    assert names[-1] == "ExecutionSucceeded"


async def test_a_queued_execution_is_found_after_a_restart(opened: OpenEngine) -> None:
    async with opened() as client:
        await client.define(call("a", "echo", {"value": 1}))
        execution_id = await client.start(delay=timedelta(milliseconds=200))
    async with opened() as client:
        assert (await client.ended(execution_id)).state.status is E.SUCCEEDED


async def test_a_waiting_execution_takes_its_signal_after_a_restart(opened: OpenEngine) -> None:
    async with opened() as client:
        await client.define({"id": "s", "kind": "signal", "with": {"name": "go"}}, output="${ steps.s.output }")
        execution_id = await client.start()
        await client.until(execution_id, E.WAITING)
    async with opened() as client:
        await signal_execution(client.services, client.caller, execution_id, name="go", payload=5, idempotency_key=None)
        assert (await client.ended(execution_id)).state.output == 5


async def test_an_interrupt_is_answered_after_a_restart(opened: OpenEngine) -> None:
    async with opened() as client:
        await client.define(call("a", "ask", {"question": "?"}), output="${ steps.a.output }")
        execution_id = await client.start()
        await client.until(execution_id, E.WAITING)
    async with opened() as client:
        await complete_step(
            client.services,
            client.caller,
            execution_id,
            "a",
            interrupt_id=None,
            output=None,
            failure=None,
            idempotency_key=None,
        )
        assert (await client.ended(execution_id)).state.output == {"answer": None}


async def test_a_second_engine_on_the_same_directory_is_refused(settings: Settings) -> None:
    async with open_engine(settings):
        with pytest.raises(CannotOpenStore, match="in use by process"):
            async with open_engine(settings):
                pass


async def test_results_wait_for_a_store_that_fails_for_a_while(settings: Settings) -> None:
    store = FailingStore(await SqliteStore.open(None))
    async with open_engine(settings, store=store) as engine:
        client = Client(engine)
        await client.define(call("a", "slow", {"value": 1}), call("b", "echo", {"value": 2}))
        CALLS.clear()
        execution_id = await client.start()
        await client.until_event(execution_id, StepStarted)
        store.failures = 2
        view = await client.ended(execution_id)
        assert view.state.status is E.SUCCEEDED
        assert store.refused == 2
        assert CALLS.count(("slow begins", 1)) == 1
        await client.log(execution_id)
    await store.close()


async def test_a_start_that_cannot_be_stored_is_an_error_and_starts_nothing(settings: Settings) -> None:
    store = FailingStore(await SqliteStore.open(None))
    async with open_engine(settings, store=store) as engine:
        client = Client(engine)
        await client.define(call("a", "echo", {"value": 1}))
        CALLS.clear()
        store.failures = 1
        with pytest.raises(Unavailable, match="full"):
            await client.start()
        assert CALLS == []
        assert await store.count("tenants/local/executions") == 0
    await store.close()


async def test_a_worker_that_lost_its_lease_writes_nothing_more(client: Client) -> None:
    await client.define(call("a", "slow", {"value": 1, "seconds": 0.1}), call("b", "echo", {"value": 2}))
    execution_id = await client.start()
    await client.until_event(execution_id, StepStarted)
    services = client.services
    stored = await services.journal.load("local", execution_id)
    now = services.clock()
    other = Lease(owner="somebody else", epoch=stored.epoch + 1, until=now + timedelta(minutes=1))
    await services.journal.record(stored, (), stored.execution, now, lease=other)
    before = await client.log(execution_id)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while client.worker.driving:
            await asyncio.sleep(0.005)
    assert await client.log(execution_id) == before
    assert ("echo", 2) not in CALLS


@pytest.mark.parametrize("turns", range(6))
async def test_a_caller_that_hangs_up_during_its_commit_stops_nothing(client: Client, turns: int) -> None:
    await client.define({"id": "s", "kind": "signal", "with": {"name": "go"}})
    execution_id = await client.start()
    await client.until(execution_id, E.WAITING)

    def signal() -> "asyncio.Task[object]":
        sending = signal_execution(
            client.services, client.caller, execution_id, name="go", payload=1, idempotency_key="k"
        )
        return asyncio.create_task(sending)

    hanging_up = signal()
    for _ in range(turns):
        await asyncio.sleep(0)
    hanging_up.cancel()
    await asyncio.gather(hanging_up, return_exceptions=True)
    await signal()
    assert (await client.ended(execution_id)).state.status is E.SUCCEEDED


async def test_a_subscriber_that_does_not_keep_up_misses_nothing(client: Client) -> None:
    inner = [{"id": "x", "kind": "transform", "with": {"value": "${ item }"}}]
    items = list(range(ENTRIES_BUFFERED))
    await client.define({"id": "m", "kind": "map", "with": {"items": items, "concurrency": 50, "steps": inner}})
    execution_id = await client.start()
    seen: list[int | None] = []
    async for entry in client.watch(execution_id):
        if not seen:
            await client.ended(execution_id)
        seen.append(entry.seq)
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) > 2 * ENTRIES_BUFFERED


async def test_a_reader_that_comes_back_with_its_last_seq_sees_the_rest_once(client: Client) -> None:
    await client.define(*(call(f"s{n}", "echo", {"value": n}) for n in range(5)))
    execution_id = await client.start()
    first: list[int | None] = []
    async for entry in client.watch(execution_id):
        first.append(entry.seq)
        if len(first) == 4:
            break
    rest = [entry.seq async for entry in client.watch(execution_id, after=4)]
    assert [*first, *rest] == list(range(1, len(first) + len(rest) + 1))


async def test_an_execution_of_another_tenant_does_not_exist(client: Client) -> None:
    await client.define(call("a", "echo", {"value": 1}))
    execution_id = await client.start()
    stranger = Client(client.engine, tenant="stranger")
    assert await executions_by_id(stranger.services, stranger.caller, [execution_id]) == [None]
    with pytest.raises(NotFound):
        await signal_execution(
            stranger.services, stranger.caller, execution_id, name="x", payload=None, idempotency_key=None
        )
    with pytest.raises(NotFound):
        await stranger.start()
    with pytest.raises(NotFound):
        async for _ in stranger.watch(execution_id):
            pass


async def test_an_execution_that_outgrows_the_store_fails_with_a_precise_code(settings: Settings) -> None:
    store = FailingStore(await SqliteStore.open(None))
    async with open_engine(settings, store=store) as engine:
        client = Client(engine)
        await client.define(call("a", "slow", {"value": 1}), call("b", "echo", {"value": 2}))
        execution_id = await client.start()
        await client.until_event(execution_id, StepStarted)
        store.oversized = 1
        view = await client.ended(execution_id)
        assert (view.state.status, view.state.failure and view.state.failure.code) == (E.FAILED, "state_too_large")
    await store.close()
