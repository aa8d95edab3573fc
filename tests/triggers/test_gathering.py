"""Events that wait for others: how many one execution gets, and what becomes of them when it cannot start."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from engine.domain.errors import InvalidState
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.domain.triggers.trigger import Buffer, Throttle, Trigger
from engine.runtime.retention import Retention
from engine.runtime.roster import ALL_SHARDS, OnlyWorker
from engine.settings import Settings
from engine.usecases.activate_workflow import activate_workflow
from engine.usecases.archive_workflow import archive_workflow
from engine.usecases.triggers.acting import fire_trigger, replay_delivery
from engine.usecases.triggers.changing import delete_trigger, pause_trigger, resume_trigger, update_trigger
from engine.usecases.triggers.working import PAUSED_LOOK, due_jobs
from tests.triggers.at_work import ECHO, SetClock, TriggerClient

_O = DeliveryOutcome
HOUR = timedelta(hours=1)
ALL = {"all": "${ event.map(each, each.data.n) }"}


@pytest.fixture
async def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def client(settings: Settings, clock: SetClock) -> AsyncIterator[TriggerClient]:
    """Nothing happens by itself."""
    async with TriggerClient.idle(settings, clock=clock) as opened:
        await opened.define(ECHO)
        yield opened


async def work(client: TriggerClient) -> None:
    """What is due now, at the same time, until nothing is."""
    while jobs := await due_jobs(client.services, ALL_SHARDS, client.services.clock()):
        await asyncio.gather(*(job.do() for job in jobs))


async def take(client: TriggerClient, *numbers: int, **more: Any) -> None:
    """At the same time."""
    await asyncio.gather(*(client.publish("a", {"n": n, **more}) for n in numbers))
    await work(client)


async def inputs(client: TriggerClient, trigger: Trigger) -> list[list[int]]:
    """What each execution got."""
    started = {each.execution_id: each for each in await deliveries(client, trigger) if each.outcome is _O.STARTED}
    return [(await client.input_of(each))["all"] for each in started.values()]


async def deliveries(client: TriggerClient, trigger: Trigger) -> list[Delivery]:
    return await client.services.deliveries.page(
        "local", trigger.id, outcomes=None, start_after=None, limit=500, descending=False
    )


async def test_none_gets_more_than_it_may_however_many_come_at_once(client: TriggerClient) -> None:
    trigger = await client.on_events("a", buffer=Buffer(max_size=5, max_wait=HOUR), input_mapping=ALL)
    await take(client, *range(63))
    given = await inputs(client, trigger)
    assert [len(each) for each in given] == [5] * 12
    assert len({n for each in given for n in each}) == 60
    assert (await client.outcomes(trigger)).count("BUFFERED") == 3


async def test_they_are_enough_where_an_input_could_not_hold_more(client: TriggerClient, clock: SetClock) -> None:
    buffer = Buffer(max_size=50, max_wait=timedelta(minutes=1))
    trigger = await client.on_events("a", buffer=buffer)
    await take(client, *range(5), text="x" * 400_000)
    clock.move(minutes=2)
    await work(client)
    assert await client.outcomes(trigger) == ["STARTED"] * 5
    executions = [each.execution_id for each in await client.deliveries(trigger)]
    assert sorted(executions.count(each) for each in set(executions)) == [1, 2, 2]


async def test_what_cannot_start_is_tried_again_together(client: TriggerClient, clock: SetClock) -> None:
    trigger = await client.on_events("a", buffer=Buffer(max_size=2, max_wait=HOUR), input_mapping=ALL)
    await archive_workflow(client.services, client.caller, "test")
    await take(client, 1, 2)
    assert await client.outcomes(trigger) == ["BUFFERED"] * 2
    await activate_workflow(client.services, client.caller, "test", 1)
    clock.move(minutes=1)
    await work(client)
    assert [sorted(each) for each in await inputs(client, trigger)] == [[1, 2]]
    assert {each.attempts for each in await client.deliveries(trigger)} == {2}


async def test_what_never_starts_is_dead_and_can_be_replayed_one_by_one(client: TriggerClient, clock: SetClock) -> None:
    buffer = Buffer(max_size=2, max_wait=HOUR)
    trigger = await client.on_events("a", buffer=buffer, input_mapping=ALL, max_attempts=2)
    await archive_workflow(client.services, client.caller, "test")
    await take(client, 1, 2)
    clock.move(minutes=1)
    await work(client)
    first, second = await client.deliveries(trigger)
    for each in (first, second):
        assert each.dead
        assert each.attempts == 2
        assert each.failure is not None
        assert (each.failure.code, each.failure.retryable) == ("invalid_state", False)
    await activate_workflow(client.services, client.caller, "test", 1)
    view = await replay_delivery(client.services, client.caller, first.id)
    assert len(view.state.input["all"]) == 1


async def test_fired_by_hand_it_gets_a_list_too(client: TriggerClient) -> None:
    await client.on_events("a", buffer=Buffer(max_size=2, max_wait=HOUR), input_mapping=ALL)
    view = await fire_trigger(client.services, client.caller, "t", {"n": 7}, None)
    assert view.state.input == {"all": [7]}


async def test_what_waits_is_not_replayed_meanwhile(client: TriggerClient) -> None:
    trigger = await client.on_events("a", buffer=Buffer(max_size=2, max_wait=HOUR))
    await take(client, 1)
    (waiting,) = await client.deliveries(trigger)
    with pytest.raises(InvalidState, match="waits for others"):
        await replay_delivery(client.services, client.caller, waiting.id)


@pytest.mark.parametrize("given", [{"buffer": Buffer(max_size=9, max_wait=HOUR), "input_mapping": ALL}, {}])
async def test_while_a_trigger_is_paused_what_it_took_before_starts_nothing(
    client: TriggerClient, clock: SetClock, given: dict[str, Any]
) -> None:
    trigger = await client.on_events("a", **given)
    if not given:
        await archive_workflow(client.services, client.caller, "test")
    await take(client, 1)
    await pause_trigger(client.services, client.caller, "t")
    if not given:
        await activate_workflow(client.services, client.caller, "test", 1)
    clock.move(hours=2)
    await work(client)
    assert await client.outcomes(trigger) == ["BUFFERED" if given else "FAILED"]
    await resume_trigger(client.services, client.caller, "t")
    clock.now += PAUSED_LOOK
    await work(client)
    assert await client.outcomes(trigger) == ["STARTED"]


async def test_what_waited_for_a_trigger_that_is_gone_is_dead(client: TriggerClient, clock: SetClock) -> None:
    trigger = await client.on_events("a", buffer=Buffer(max_size=9, max_wait=HOUR))
    await take(client, 1)
    await delete_trigger(client.services, client.caller, "t")
    clock.move(hours=2)
    await work(client)
    (delivery,) = await deliveries(client, trigger)
    assert delivery.dead
    assert delivery.failure is not None
    assert delivery.failure.code == "trigger_deleted"


async def test_a_trigger_that_gathers_no_more_gets_what_waited_one_by_one(
    client: TriggerClient, clock: SetClock
) -> None:
    trigger = await client.on_events("a", buffer=Buffer(max_size=9, max_wait=HOUR), input_mapping=ALL)
    await take(client, 1, 2)
    changes = {"buffer": None, "input_mapping": {"all": ["${ event.data.n }"]}}
    await update_trigger(client.services, client.caller, "t", changes)
    clock.move(hours=2)
    await work(client)
    assert sorted(await inputs(client, trigger)) == [[1], [2]]


async def test_what_waits_longer_than_deliveries_are_kept_is_kept(client: TriggerClient, clock: SetClock) -> None:
    trigger = await client.on_events("a", buffer=Buffer(max_size=9, max_wait=timedelta(days=31)), input_mapping=ALL)
    await take(client, 1)
    clock.move(days=30, hours=1)
    await Retention(client.services.store, clock, OnlyWorker()).once(clock.now)
    clock.move(days=1)
    await work(client)
    assert await inputs(client, trigger) == [[1]]


async def test_a_later_try_is_no_way_around_what_limits_the_trigger(client: TriggerClient, clock: SetClock) -> None:
    trigger = await client.on_events("a", dedup_key="event.data.who", throttle=Throttle(limit=1, per=HOUR))
    await archive_workflow(client.services, client.caller, "test")
    await take(client, 1, 2, who="x")
    await take(client, 3, who="y")
    assert await client.outcomes(trigger) == ["FAILED"] * 3
    await activate_workflow(client.services, client.caller, "test", 1)
    clock.move(minutes=1)
    await work(client)
    assert sorted(await client.outcomes(trigger)) in (
        ["DUPLICATE", "STARTED", "THROTTLED"],
        ["STARTED", "THROTTLED", "THROTTLED"],
    )


async def test_many_at_once_that_share_a_limit_are_decided_in_turn(
    client: TriggerClient, caplog: pytest.LogCaptureFixture
) -> None:
    trigger = await client.on_events("a", throttle=Throttle(limit=10, per=HOUR))
    await take(client, *range(100))
    outcomes = [each.outcome for each in await deliveries(client, trigger)]
    assert sorted(outcomes) == [_O.STARTED] * 10 + [_O.THROTTLED] * 90
    assert "too many events" not in caplog.text
