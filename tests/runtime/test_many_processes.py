"""Several processes on one store: who drives what, and what happens when one of them is slow, gone, or wrong about the time."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from engine.bus.topics import EVENTS, POKE, WAKE
from engine.domain.events import ExecutionStarted, StepStarted
from engine.domain.execution.commands import Cancel
from engine.domain.status import ExecutionStatus
from engine.runtime import leased_slots, sweep, tenure
from engine.runtime.worker import LOOKED_AT
from engine.storage.port import Write
from engine.storage.repositories.slots import SlotRepository
from engine.usecases.signal_execution import signal_execution
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.cluster import Cluster
from tests.runtime.parts import CALLS

E = ExecutionStatus


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_api_drives_nothing_and_a_worker_does(cluster: Cluster) -> None:
    async with cluster.process("api") as api:
        await api.define(call("a", "echo", {"value": 1}))
        execution_id = await api.start()
        await asyncio.sleep(0.05)
        assert (await api.view(execution_id)).state.status is E.QUEUED
        async with cluster.process("worker"):
            assert (await api.ended(execution_id)).state.status is E.SUCCEEDED
    assert CALLS == [("echo", 1)]


async def test_work_is_found_by_the_sweep_where_every_hint_is_lost(cluster: Cluster) -> None:
    cluster.bus.loses = {WAKE, POKE, EVENTS}
    async with cluster.process("api") as api, cluster.process("worker"):
        await api.define(call("a", "echo", {"value": 1}))
        execution_id = await api.start()
        assert (await api.ended(execution_id)).state.status is E.SUCCEEDED


async def test_a_signal_reaches_an_execution_that_another_process_drives(cluster: Cluster) -> None:
    async with cluster.process("api") as api, cluster.process("worker"):
        await api.define(
            {"id": "s", "kind": "signal", "needs": [], "with": {"name": "go"}},
            {**call("hangs", "hang"), "needs": []},
            {**call("after", "echo", {"value": 1}), "needs": ["s"]},
        )
        execution_id = await api.start()
        await until(lambda: ("hang", None) in CALLS)
        started = asyncio.get_running_loop().time()
        await signal_execution(api.services, api.caller, execution_id, name="go", payload=5, idempotency_key=None)
        await until(lambda: ("echo", 1) in CALLS)
        assert asyncio.get_running_loop().time() - started < tenure.REREAD_SECONDS / 2
        await api.services.journal.change("local", execution_id, Cancel())
        assert (await api.ended(execution_id)).state.status is E.CANCELLED
        await until(lambda: ("hung up", None) in CALLS)


async def test_its_driver_looks_by_itself_where_the_hint_is_lost(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenure, "REREAD_SECONDS", 0.1)
    cluster.bus.loses = {POKE}
    async with cluster.process("api") as api, cluster.process("worker"):
        await api.define(call("hangs", "hang"))
        execution_id = await api.start()
        await until(lambda: ("hang", None) in CALLS)
        await api.services.journal.change("local", execution_id, Cancel())
        await until(lambda: ("hung up", None) in CALLS)


async def test_subscribers_of_a_replica_miss_nothing_where_messages_are_lost(cluster: Cluster) -> None:
    async with cluster.process("api") as api, cluster.process("worker"):
        await api.define(
            call("a", "echo", {"value": 1}),
            {"id": "s", "kind": "signal", "with": {"name": "go"}},
            call("b", "add", {"a": 1}),
        )
        execution_id = await api.start()
        await api.until(execution_id, E.WAITING)
        seen: list[int | None] = []

        async def watch() -> None:
            async for entry in api.watch(execution_id):
                seen.append(entry.seq)  # noqa: PERF401  # one by one, as they come

        watching = asyncio.create_task(watch())
        await until(lambda: len(seen) > 3)
        cluster.bus.loses = {EVENTS}
        await signal_execution(api.services, api.caller, execution_id, name="go", payload=1, idempotency_key=None)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await watching
        assert seen == list(range(1, len(seen) + 1))
        assert (await api.names(execution_id))[-1] == "ExecutionSucceeded"


async def test_many_workers_run_each_step_once(cluster: Cluster) -> None:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(cluster.process("api"))
        for _ in range(3):
            await stack.enter_async_context(cluster.process("worker", capacity=2))
        await api.define(*(call(f"s{n}", "slow", {"value": f"${{ input.n + {n}00.0 }}"}) for n in range(3)))
        ids = [await api.start(input={"n": float(n)}) for n in range(30)]
        for execution_id in ids:
            assert (await api.ended(execution_id)).state.status is E.SUCCEEDED
        drivers = {
            event.worker
            for execution_id in ids
            for event in await api.log(execution_id)
            if isinstance(event, ExecutionStarted)
        }
    assert sorted(value for what, value in CALLS if what == "slow ends") == sorted(
        float(n + 100 * step) for n in range(30) for step in range(3)
    )
    assert len(drivers) > 1


async def test_a_limit_of_a_lane_holds_over_all_workers(cluster: Cluster) -> None:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(cluster.process("api"))
        for _ in range(3):
            await stack.enter_async_context(cluster.process("worker"))
        await api.define(call("a", "slow", {"value": "${ execution.id }", "seconds": 0.02}))
        ids = [await api.start(lane="narrow") for _ in range(9)]
        for execution_id in ids:
            assert (await api.ended(execution_id)).state.status is E.SUCCEEDED
    running = 0
    for what, _ in CALLS:
        running += 1 if what == "slow begins" else -1
        assert running in (0, 1)
    slots = SlotRepository(cluster.store, "narrow/slots/execution")
    assert [number for number, _ in await slots.vacant([0], "nobody", api.services.clock())] == [0]


async def test_an_execution_whose_slot_was_lost_makes_room_for_the_one_that_has_it_now(cluster: Cluster) -> None:
    async with cluster.process("api") as api, cluster.process("worker"):
        await api.define(call("a", "hang"))
        execution_id = await api.start(lane="narrow")
        await until(lambda: ("hang", None) in CALLS)
        slots, now = SlotRepository(cluster.store, "narrow/slots/execution"), api.services.clock()
        document = await cluster.store.get(slots.path(0))
        assert document is not None
        await slots.take(0, document.rev, "wk_other", now + timedelta(minutes=1))
        await until(lambda: ("hung up", None) in CALLS)
        view = await api.view(execution_id)
        assert view.state.status is E.RUNNING
        await asyncio.sleep(0.1)
        assert CALLS.count(("hang", None)) == 1


async def test_steps_share_the_slots_of_their_lane_over_all_workers(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leased_slots, "AGAIN_SECONDS", 0.02)
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(cluster.process("api"))
        for _ in range(2):
            await stack.enter_async_context(cluster.process("worker"))
        step = {**call("a", "slow", {"value": "${ execution.id }", "seconds": 0.02}), "lane": "narrow"}
        await api.define(step)
        ids = [await api.start() for _ in range(6)]
        for execution_id in ids:
            assert (await api.ended(execution_id)).state.status is E.SUCCEEDED
    running = 0
    for what, _ in CALLS:
        running += 1 if what == "slow begins" else -1
        assert running in (0, 1)


async def test_the_slot_of_a_dead_worker_comes_back(cluster: Cluster) -> None:
    async with cluster.process("api") as api:
        await api.define(call("a", "echo", {"value": 1}))
        slots = SlotRepository(cluster.store, "narrow/slots/execution")
        now = api.services.clock()
        await slots.take(0, 0, "wk_dead", now + timedelta(milliseconds=300))
        execution_id = await api.start(lane="narrow")
        async with cluster.process("worker"):
            view = await api.ended(execution_id)
        assert view.state.status is E.SUCCEEDED
        assert view.state.finished_at is not None
        assert view.state.finished_at - now >= timedelta(milliseconds=300)


@pytest.mark.parametrize("commit", range(1, 7))
async def test_an_execution_goes_on_whichever_commit_was_applied_and_reported_as_failed(
    cluster: Cluster, commit: int
) -> None:
    async with cluster.process("api") as api, cluster.process("worker"):
        await api.define(*(call(f"s{n}", "slow", {"value": n, "seconds": 0.01}) for n in range(3)))
        seen = 0
        through = cluster.store.commit

        async def counted(writes: object) -> None:
            nonlocal seen
            if any("/executions/" in write.path for write in writes):  # type: ignore[attr-defined]
                seen += 1
                if seen == commit + 1:
                    cluster.store.unanswered = 1
            await through(writes)  # type: ignore[arg-type]

        cluster.store.commit = counted  # type: ignore[method-assign]
        execution_id = await api.start()
        view = await api.ended(execution_id)
        await api.log(execution_id)
    assert view.state.status is E.SUCCEEDED
    assert [value for what, value in CALLS if what == "slow ends"] == [0, 1, 2]


async def test_a_worker_that_leaves_lets_running_steps_end_and_others_go_on(cluster: Cluster) -> None:
    async with cluster.process("api") as api:
        await api.define(call("a", "slow", {"value": "a", "seconds": 0.3}), call("b", "echo", {"value": "b"}))
        async with cluster.process("worker"):
            execution_id = await api.start()
            await api.until_event(execution_id, StepStarted, step_id="a")
        assert ("slow ends", "a") in CALLS
        assert ("echo", "b") not in CALLS
        view = await api.view(execution_id)
        assert (view.state.status, view.runs["a"].infra_retries) == (E.RUNNING, 0)
        async with cluster.process("worker"):
            assert (await api.ended(execution_id)).state.status is E.SUCCEEDED
    assert [call for call in CALLS if call[0] != "slow begins"] == [("slow ends", "a"), ("echo", "b")]


async def test_clocks_that_differ_by_minutes_take_no_lease_away(cluster: Cluster) -> None:
    ahead, behind = timedelta(minutes=5), timedelta(minutes=-5)
    async with cluster.process("worker", skew=behind) as slow, cluster.process("worker", skew=ahead) as fast:
        await slow.define(*(call(f"s{n}", "slow", {"value": n, "seconds": 0.7}) for n in range(3)))
        execution_id = await fast.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await fast.view(execution_id)).state.terminal:
                await asyncio.sleep(0.05)
        view = await fast.view(execution_id)
        assert view.state.status is E.SUCCEEDED
        assert view.state.created_at - slow.services.clock() < timedelta(seconds=1)
    assert [value for what, value in CALLS if what == "slow begins"] == [0, 1, 2]


async def test_a_claim_that_comes_second_leaves_the_first_alone(cluster: Cluster) -> None:
    """Two workers that load the same head claim under the same epoch: whoever commits second must not go on under the first one's."""
    clients: list[Client] = []
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(cluster.process("api"))
        await api.define(call("a", "slow", {"value": 1, "seconds": 0.05}))
        execution_id = await api.start()
        clients = [await stack.enter_async_context(cluster.process("worker")) for _ in range(4)]
        assert (await api.ended(execution_id)).state.status is E.SUCCEEDED
        events = await api.log(execution_id)
    assert len(clients) == 4
    assert CALLS.count(("slow begins", 1)) == 1
    assert sum(isinstance(event, ExecutionStarted) for event in events) == 1


async def test_a_hint_that_comes_while_its_driver_lets_go_is_not_lost(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "EVERY_SECONDS", 1e6)
    async with cluster.process("api") as api, cluster.process("worker"):
        await api.define({"id": "s", "kind": "signal", "with": {"name": "go"}}, call("a", "echo", {"value": 1}))
        answered = asyncio.Event()
        through = cluster.store.commit

        async def held_up(writes: Sequence[Write]) -> None:
            await through(writes)
            if any(b'"status":"WAITING"' in getattr(write, "body", b"") for write in writes):
                await answered.wait()

        cluster.store.commit = held_up  # type: ignore[method-assign]
        execution_id = await api.start()
        await api.until(execution_id, E.WAITING)
        cluster.store.commit = through  # type: ignore[method-assign]
        await signal_execution(api.services, api.caller, execution_id, name="go", payload=5, idempotency_key=None)
        answered.set()
        assert (await api.ended(execution_id)).state.status is E.SUCCEEDED


async def test_a_lane_that_is_full_keeps_no_other_waiting_and_no_worker_full_of_what_others_did(
    cluster: Cluster,
) -> None:
    async with cluster.process("api") as api, AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(cluster.process("worker", capacity=2)) for _ in range(2)]
        await api.define(call("a", "slow", {"value": 1, "seconds": 0.01}), name="limited", lane="narrow")
        await api.define(call("a", "echo", {"value": "free"}), name="free")
        limited = [await api.start("limited") for _ in range(60)]
        free = await api.start("free")
        assert (await api.ended(free)).state.status is E.SUCCEEDED
        assert sum(what == "slow ends" for what, _ in CALLS) < len(limited)
        for execution_id in limited:
            assert (await api.ended(execution_id)).state.status is E.SUCCEEDED
            assert max(each.worker.waiting for each in workers) <= 2 * LOOKED_AT
