"""Backlogs: what waits for room keeps nobody else from going on."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine.bootstrap import open_engine
from engine.domain.events import StepStarted
from engine.domain.status import ExecutionStatus
from engine.settings import Settings
from engine.usecases.complete_step import complete_step
from tests.runtime.client import Client, call

E = ExecutionStatus


async def test_a_backlog_in_one_lane_does_not_hide_the_timers_of_others(settings: Settings) -> None:
    async with open_engine(replace(settings, capacity=3)) as engine:
        client = Client(engine)
        await client.define(call("a", "hang"), name="stuck", lane="narrow")
        await client.define({"id": "nap", "kind": "sleep", "with": {"for": "100ms"}}, name="nap")
        holder = await client.start("stuck")
        await client.until_event(holder, StepStarted)
        backlog = [await client.start("stuck") for _ in range(30)]
        assert (await client.run("nap")).state.status is E.SUCCEEDED
        delayed = await client.run("nap", delay=timedelta(milliseconds=50))
        assert delayed.state.status is E.SUCCEEDED
        assert {(await client.view(each)).state.status for each in backlog} == {E.QUEUED}


async def test_a_deadline_is_kept_in_the_line(client: Client) -> None:
    await client.define(call("a", "hang"), lane="narrow")
    holder = await client.start()
    await client.until_event(holder, StepStarted)
    deadline = client.services.clock() + timedelta(milliseconds=100)
    later: list[dict[str, Any]] = [{}, {"delay": timedelta(hours=1)}]
    for more in later:
        waiting = await client.start(deadline=deadline, **more)
        assert (await client.ended(waiting)).state.status is E.TIMED_OUT
        deadline = client.services.clock() + timedelta(milliseconds=100)


async def test_the_same_answer_under_the_same_key_at_the_same_time_is_one_answer(client: Client) -> None:
    await client.define({"id": "ok", "kind": "approval", "with": {"prompt": "?"}})
    execution_id = await client.start()
    await client.until(execution_id, E.WAITING)

    async def answer() -> str:
        view = await complete_step(
            client.services,
            client.caller,
            execution_id,
            "ok",
            interrupt_id=None,
            output=1,
            failure=None,
            idempotency_key="k",
        )
        return view.state.id

    assert await asyncio.gather(*(answer() for _ in range(5))) == [execution_id] * 5
    assert (await client.ended(execution_id)).state.status is E.SUCCEEDED
    assert (await client.names(execution_id)).count("StepResumed") == 1
