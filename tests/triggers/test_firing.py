"""Schedules fire each of their times once, whatever the clock does and however many look at it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.domain.errors import LimitExceeded, ValidationFailed
from engine.domain.status import ExecutionStatus
from engine.domain.triggers.delivery import DeliveryOutcome
from engine.domain.triggers.trigger import OverlapPolicy, ScheduleSource, Trigger, TriggerStatus
from engine.settings import Settings
from engine.storage.port import Conflict
from engine.storage.repositories.triggers import Schedule, StoredSchedule
from engine.usecases.activate_workflow import activate_workflow
from engine.usecases.archive_workflow import archive_workflow
from engine.usecases.signal_execution import signal_execution
from engine.usecases.triggers.acting import Range, backfill_trigger
from engine.usecases.triggers.changing import pause_trigger, resume_trigger, update_trigger
from engine.usecases.triggers.deliver import try_again
from engine.usecases.triggers.reading import next_fires, trigger_by_name
from engine.usecases.triggers.scheduling import fire
from tests.patience import PATIENCE_SECONDS
from tests.runtime.cluster import Cluster
from tests.triggers.at_work import ECHO, SetClock, TriggerClient
from triggers import clockwork

_O = DeliveryOutcome
WAITS = {"id": "s", "kind": "signal", "with": {"name": "go"}}
TIME = {"at": "${ event.time }"}


async def due(client: TriggerClient, trigger: Trigger) -> StoredSchedule:
    stored = await client.services.triggers.schedule("local", trigger.id)
    assert stored is not None
    return stored


async def fire_all(client: TriggerClient, trigger: Trigger) -> None:
    """What is due by the clock that the test set."""
    left: StoredSchedule | None = await due(client, trigger)
    while left is not None and left.schedule.due_at is not None and left.schedule.due_at <= client.services.clock():
        left = await fire(client.services, left)


async def test_each_time_fires_once_and_is_what_the_input_sees(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        trigger = await client.on_schedule(cron="*/15 * * * *", input_mapping=TIME)
        await fire_all(client, trigger)
        assert await client.outcomes(trigger) == []
        clock.move(minutes=15, seconds=2)
        await fire_all(client, trigger)
        await fire_all(client, trigger)
        (delivery,) = await client.deliveries(trigger)
        assert delivery.event.time == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)
        assert await client.input_of(delivery) == {"at": "2026-03-01T12:15:00Z"}
        assert (await due(client, trigger)).schedule.next == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


async def test_times_that_were_missed_are_made_up_for_within_the_window(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        hourly, allow = "0 * * * *", OverlapPolicy.ALLOW
        short = await client.on_schedule(cron=hourly, overlap=allow)
        long = await client.on_schedule("long", cron=hourly, overlap=allow, catch_up_window=timedelta(hours=3))
        clock.move(hours=10, minutes=2)
        await fire_all(client, short)
        await fire_all(client, long)
        assert await client.deliveries(short) == []
        assert "trigger t: times from 2026-03-01 13:00:00+00:00 on are left out" in caplog.text
        assert sorted(each.event.time.hour for each in await client.deliveries(long) if each.event.time) == [20, 21, 22]


async def test_no_window_is_so_short_that_what_fires_late_by_itself_is_left_out(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        given: dict[str, Any] = {"overlap": OverlapPolicy.ALLOW, "catch_up_window": timedelta(0)}
        plain = await client.on_schedule("plain", cron="0 * * * *", **given)
        jittered = await client.on_schedule("jittered", cron="0 * * * *", jitter=timedelta(minutes=50), **given)
        for trigger in (plain, jittered):
            for _ in range(3):
                at = (await due(client, trigger)).schedule.due_at
                assert at is not None
                clock.now = max(clock.now, at + timedelta(seconds=2))
                await fire_all(client, trigger)
            clock.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        assert len(await client.deliveries(plain)) == len(await client.deliveries(jittered)) == 3


async def test_what_was_noticed_in_time_fires_however_long_it_waited_for_its_turn(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        trigger = await client.on_schedule(cron="0 * * * *", catch_up_window=timedelta(0))
        clock.move(hours=1)
        noticed = clock.now
        clock.move(minutes=40)
        await fire(client.services, await due(client, trigger), noticed=noticed)
        (delivery,) = await client.deliveries(trigger)
        assert delivery.event.time == noticed
        assert delivery.at == clock.now


async def test_a_clock_that_goes_back_fires_nothing_twice(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        trigger = await client.on_schedule(every=timedelta(minutes=1), overlap=OverlapPolicy.ALLOW)
        for step in (61, -300, 290, 20, -30, 95):
            clock.move(seconds=step)
            await fire_all(client, trigger)
        times = [each.event.time for each in await client.deliveries(trigger)]
        assert len(times) == len(set(times)) == 2


async def test_a_clock_that_was_far_ahead_and_came_back_leaves_no_schedule_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clockwork, "EVERY_SECONDS", 0.02)
    clock = SetClock()
    async with TriggerClient.working(settings, clock=clock) as client:
        await client.define(ECHO)
        trigger = await client.on_schedule(every=timedelta(minutes=1), overlap=OverlapPolicy.ALLOW)
        begun = clock.now
        clock.move(days=1)
        await until(client, trigger, lambda schedule: schedule.next is not None and schedule.next > clock.now)
        fired = len(await client.deliveries(trigger))
        clock.now = begun + timedelta(seconds=10)
        await until(client, trigger, lambda schedule: schedule.next == begun + timedelta(minutes=1))
        for minute in (1, 2):
            clock.now = begun + timedelta(minutes=minute, seconds=1)
            await client.decided(trigger, fired + minute)
        times = [each.event.time for each in await client.deliveries(trigger)]
        assert len(times) == len(set(times)) == fired + 2


async def until(client: TriggerClient, trigger: Trigger, condition: Callable[[Schedule], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition((await due(client, trigger)).schedule):
            await asyncio.sleep(0.01)


async def test_several_that_look_at_the_clock_fire_each_time_once(cluster: Cluster) -> None:
    async with cluster.process() as one, cluster.process() as two:
        clients = [TriggerClient(one.engine), TriggerClient(two.engine)]
        await clients[0].define(ECHO)
        trigger = await clients[0].on_schedule(every=timedelta(seconds=1), overlap=OverlapPolicy.ALLOW)
        await asyncio.sleep(2.2)
        before = await due(clients[0], trigger)
        fired = await asyncio.gather(
            *(fire(client.services, before) for client in clients for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(each, StoredSchedule) for each in fired) == 1
        assert all(isinstance(each, StoredSchedule | Conflict) for each in fired)
        assert await clients[0].outcomes(trigger) == ["STARTED"]


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        (OverlapPolicy.ALLOW, ["STARTED"] * 3),
        (OverlapPolicy.SKIP, ["STARTED", "SKIPPED_OVERLAP", "SKIPPED_OVERLAP"]),
        (OverlapPolicy.BUFFER_ONE, ["STARTED", "SKIPPED_OVERLAP"]),
        (OverlapPolicy.CANCEL_RUNNING, ["STARTED"] * 3),
    ],
)
async def test_what_happens_while_the_former_execution_goes_on(
    settings: Settings, overlap: OverlapPolicy, expected: list[str]
) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(WAITS)
        trigger = await client.on_schedule(cron="* * * * *", overlap=overlap, input_mapping=TIME)
        for _ in range(3):
            clock.move(minutes=1)
            await fire_all(client, trigger)
        assert await client.outcomes(trigger) == expected
        first = (await client.deliveries(trigger))[0].execution_id
        assert first is not None
        status = (await client.view(first)).state.status
        cancelled = overlap is OverlapPolicy.CANCEL_RUNNING
        assert (status is ExecutionStatus.CANCELLED) is cancelled
        if overlap is OverlapPolicy.BUFFER_ONE:
            await client.until(first, ExecutionStatus.WAITING)
            await signal_execution(client.services, client.caller, first, name="go", payload=None, idempotency_key=None)
            await client.ended(first)
            clock.move(seconds=2)
            await fire_all(client, trigger)
            started = [each for each in await client.deliveries(trigger) if each.outcome is _O.STARTED]
            assert [each.event.time.minute for each in started if each.event.time] == [1, 2]


async def test_a_failure_pauses_a_schedule_that_asks_for_it(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define({"id": "f", "kind": "fail", "with": {"message": "no"}})
        trigger = await client.on_schedule(cron="* * * * *", pause_on_failure=True)
        clock.move(minutes=1)
        await fire_all(client, trigger)
        (delivery,) = await client.deliveries(trigger)
        assert delivery.execution_id is not None
        await client.ended(delivery.execution_id)
        clock.move(minutes=1)
        await fire_all(client, trigger)
        paused = await trigger_by_name(client.services, client.caller, "t")
        assert paused is not None
        assert paused.status is TriggerStatus.PAUSED
        assert delivery.execution_id in (paused.paused_because or "")
        assert len(await client.deliveries(trigger)) == 1


async def test_a_paused_schedule_goes_on_with_the_times_to_come(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        trigger = await client.on_schedule(cron="0 * * * *")
        await pause_trigger(client.services, client.caller, "t")
        assert (await due(client, trigger)).schedule.due_at is None
        clock.move(hours=5, minutes=30)
        await resume_trigger(client.services, client.caller, "t")
        assert (await due(client, trigger)).schedule.next == datetime(2026, 3, 1, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize("change", ["pause", "edit"])
@pytest.mark.parametrize("overlap", [OverlapPolicy.SKIP, OverlapPolicy.BUFFER_ONE])
async def test_a_change_forgets_neither_what_runs_nor_what_waits(
    settings: Settings, change: str, overlap: OverlapPolicy
) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(WAITS)
        trigger = await client.on_schedule(cron="* * * * *", overlap=overlap)
        for _ in range(2):
            clock.move(minutes=1)
            await fire_all(client, trigger)
        before = (await due(client, trigger)).schedule
        if change == "pause":
            await pause_trigger(client.services, client.caller, "t")
            await resume_trigger(client.services, client.caller, "t")
        else:
            source = ScheduleSource(cron="* * * * *", overlap=overlap, pause_on_failure=True)
            trigger = await update_trigger(client.services, client.caller, "t", {"source": source})
        after = (await due(client, trigger)).schedule
        assert (after.last, after.execution_id, after.waiting, after.next) == (
            before.last,
            before.execution_id,
            before.waiting,
            before.next,
        )
        assert (after.waiting is not None) is (overlap is OverlapPolicy.BUFFER_ONE)
        clock.move(minutes=1)
        await fire_all(client, trigger)
        assert (await client.outcomes(trigger)).count("STARTED") == 1


async def test_a_change_of_the_catch_up_window_drops_no_time_that_is_due(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        given: dict[str, Any] = {"cron": "0 * * * *", "overlap": OverlapPolicy.ALLOW}
        trigger = await client.on_schedule(catch_up_window=timedelta(hours=5), **given)
        clock.move(hours=2, minutes=1)
        source = ScheduleSource(catch_up_window=timedelta(hours=4), **given)
        trigger = await update_trigger(client.services, client.caller, "t", {"source": source})
        await fire_all(client, trigger)
        assert await client.outcomes(trigger) == ["STARTED", "STARTED"]


async def test_after_a_failure_paused_it_a_schedule_that_is_resumed_fires_again(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define({"id": "f", "kind": "fail", "with": {"message": "no"}})
        trigger = await client.on_schedule(cron="* * * * *", pause_on_failure=True)
        for _ in range(2):
            clock.move(minutes=1)
            await fire_all(client, trigger)
            (delivery,) = await client.deliveries(trigger)
            assert delivery.execution_id is not None
            await client.ended(delivery.execution_id)
        await resume_trigger(client.services, client.caller, "t")
        clock.move(minutes=1)
        await fire_all(client, trigger)
        assert await client.outcomes(trigger) == ["STARTED", "STARTED"]


@pytest.mark.parametrize(
    ("given", "outcome"),
    [({"condition": "false"}, "FILTERED"), ({"input_mapping": {"n": "${ event.data.nothing.more }"}}, "FAILED")],
)
async def test_what_runs_is_not_cancelled_for_what_does_not_start(
    settings: Settings, given: dict[str, Any], outcome: str
) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(WAITS)
        trigger = await client.on_schedule(cron="* * * * *", overlap=OverlapPolicy.CANCEL_RUNNING)
        clock.move(minutes=1)
        await fire_all(client, trigger)
        (first,) = await client.deliveries(trigger)
        assert first.execution_id is not None
        trigger = await update_trigger(client.services, client.caller, "t", given)
        clock.move(minutes=1)
        await fire_all(client, trigger)
        assert await client.outcomes(trigger) == ["STARTED", outcome]
        assert not (await client.view(first.execution_id)).state.status.terminal


async def test_what_is_filtered_takes_nobodys_place_while_the_former_execution_goes_on(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(WAITS)
        condition = "!event.id.contains('12:02')"
        trigger = await client.on_schedule(cron="* * * * *", overlap=OverlapPolicy.BUFFER_ONE, condition=condition)
        for _ in range(3):
            clock.move(minutes=1)
            await fire_all(client, trigger)
        assert await client.outcomes(trigger) == ["STARTED", "FILTERED"]
        waiting = (await due(client, trigger)).schedule.waiting
        assert waiting is not None
        assert waiting.minute == 3


async def test_a_start_that_was_tried_again_counts_as_running(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(WAITS)
        trigger = await client.on_schedule(cron="* * * * *", overlap=OverlapPolicy.SKIP)
        await archive_workflow(client.services, client.caller, "test")
        clock.move(minutes=1)
        await fire_all(client, trigger)
        (failed,) = await client.deliveries(trigger)
        assert failed.outcome is _O.FAILED
        await activate_workflow(client.services, client.caller, "test", 1)
        stored = await client.services.triggers.by_name("local", "t")
        known = await client.services.deliveries.get("local", failed.id)
        assert stored is not None
        assert known is not None
        assert (await try_again(client.services, stored, known)).outcome is _O.STARTED
        clock.move(minutes=1)
        await fire_all(client, trigger)
        assert await client.outcomes(trigger) == ["STARTED", "SKIPPED_OVERLAP"]


async def test_another_schedule_begins_anew(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        trigger = await client.on_schedule(cron="0 0 1 1 *")
        assert (await due(client, trigger)).schedule.next == datetime(2027, 1, 1, tzinfo=UTC)
        changes = {"source": ScheduleSource(cron="30 12 * * *", timezone="Europe/Berlin")}
        after = await update_trigger(client.services, client.caller, "t", changes)
        assert (await due(client, after)).schedule.next == datetime(2026, 3, 2, 11, 30, tzinfo=UTC)


async def test_one_that_cannot_start_goes_on_and_the_start_is_tried_again(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        schema = {"type": "object", "required": ["n"], "properties": {"n": {}}}
        await client.define(ECHO, input=schema)
        trigger = await client.on_schedule(cron="* * * * *", input_mapping={})
        for _ in range(2):
            clock.move(minutes=1)
            await fire_all(client, trigger)
        assert await client.outcomes(trigger) == ["FAILED", "FAILED"]


async def test_a_past_range_is_filled_as_a_batch_once_for_a_key(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        await client.on_schedule(cron="0 0 * * *", timezone="Europe/Berlin", input_mapping=TIME)
        past = Range(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 8, tzinfo=UTC))
        first = await backfill_trigger(client.services, client.caller, "t", past, "key")
        again = await backfill_trigger(client.services, client.caller, "t", past, "key")
        assert (first.id, first.total, first.accepted) == (again.id, 7, 7)
        for wrong in (Range(past.end, past.begin), Range(past.begin, clock.now + timedelta(days=1))):
            with pytest.raises(ValidationFailed):
                await backfill_trigger(client.services, client.caller, "t", wrong, None)
        await client.on_schedule("often", every=timedelta(seconds=1))
        with pytest.raises(LimitExceeded):
            await backfill_trigger(client.services, client.caller, "often", past, None)


async def test_the_next_times_can_be_seen_beforehand(settings: Settings) -> None:
    async with TriggerClient.idle(settings, clock=SetClock()) as client:
        await client.define(ECHO)
        trigger = await client.on_schedule(cron="0 12 * * FRI")
        assert [each.day for each in next_fires(client.services, trigger, 3)] == [6, 13, 20]


async def test_at_work_schedules_fire_by_themselves(client: TriggerClient) -> None:
    trigger = await client.on_schedule(every=timedelta(seconds=1), overlap=OverlapPolicy.ALLOW)
    first, second = (await client.decided(trigger, 2))[:2]
    assert first.event.time is not None
    assert second.event.time == first.event.time + timedelta(seconds=1)


async def test_a_restart_makes_up_for_what_was_due_meanwhile(settings: Settings) -> None:
    async with TriggerClient.idle(settings) as client:
        await client.define(ECHO)
        trigger = await client.on_schedule(every=timedelta(seconds=1), overlap=OverlapPolicy.ALLOW)
    await asyncio.sleep(2.1)
    async with TriggerClient.working(settings) as client:
        times = [each.event.time for each in await client.decided(trigger, 3)]
        assert times[:3] == [trigger.created_at + timedelta(seconds=n) for n in (1, 2, 3)]
