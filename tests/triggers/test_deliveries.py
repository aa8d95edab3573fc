"""What becomes of an event that reaches a trigger."""

import asyncio
from datetime import timedelta

import pytest

from engine.domain.errors import NotFound, ValidationFailed
from engine.domain.status import ExecutionStatus
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import DeliveryOutcome
from engine.domain.triggers.trigger import Buffer, Throttle
from engine.runtime.retention import Retention
from engine.runtime.roster import OnlyWorker
from engine.settings import Settings
from engine.usecases.activate_workflow import activate_workflow
from engine.usecases.archive_workflow import archive_workflow
from engine.usecases.cancel_execution import cancel_execution
from engine.usecases.triggers.acting import fire_trigger, replay_delivery
from engine.usecases.triggers.changing import delete_trigger, pause_trigger, resume_trigger
from engine.usecases.triggers.deliver import deliver
from engine.usecases.triggers.receiving import publish_event
from tests.triggers.at_work import ECHO, SetClock, TriggerClient

_O = DeliveryOutcome


async def test_an_event_starts_an_execution_with_the_mapped_input(client: TriggerClient) -> None:
    trigger = await client.on_events("order.*", input_mapping={"n": "${ event.data.n + 1 }", "type": "${ event.type }"})
    await client.publish("order.paid", {"n": 1})
    (delivery,) = await client.decided(trigger, 1)
    assert delivery.outcome is _O.STARTED
    assert delivery.execution_id is not None
    view = await client.ended(delivery.execution_id)
    assert view.state.status is ExecutionStatus.SUCCEEDED
    assert view.state.input == {"n": 2, "type": "order.paid"}
    assert (view.state.trigger_id, view.state.actor) == (trigger.id, "trigger:t")


async def test_without_a_mapping_the_data_is_the_input_where_it_is_an_object(client: TriggerClient) -> None:
    trigger = await client.on_events("a")
    await client.publish("a", {"x": 1})
    await client.publish("a", [1])
    first, second = await client.decided(trigger, 2)
    inputs = sorted([await client.input_of(first), await client.input_of(second)], key=len)
    assert {"x": 1} in inputs
    assert any(each.get("event", {}).get("data") == [1] for each in inputs)


async def test_events_of_other_types_and_a_condition_that_does_not_hold_start_nothing(client: TriggerClient) -> None:
    trigger = await client.on_events("order.paid", condition="event.data.amount > 100")
    await client.publish("order.refunded", {"amount": 500})
    await client.publish("order.paid", {"amount": 5})
    (delivery,) = await client.decided(trigger, 1)
    assert (delivery.outcome, delivery.execution_id) == (_O.FILTERED, None)


async def test_a_condition_that_raises_is_a_failed_delivery_that_is_not_tried_again(client: TriggerClient) -> None:
    trigger = await client.on_events("a", condition="event.data.no.such > 1")
    await client.publish("a", {})
    (delivery,) = await client.decided(trigger, 1)
    assert delivery.dead
    assert delivery.failure is not None
    assert delivery.failure.code == "expression_failed"


async def test_an_input_that_does_not_fit_the_schema_fails_with_its_path(client: TriggerClient) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    await client.define(ECHO, name="strict", input=schema)
    trigger = await client.on_events("a", workflow="strict", input_mapping={"n": "${ event.data.n }"})
    await client.publish("a", {"n": "text"})
    (delivery,) = await client.decided(trigger, 1)
    assert delivery.dead
    assert delivery.failure is not None
    assert delivery.failure.details["problems"][0]["path"] == ["input", "n"]


async def test_the_same_event_again_is_a_duplicate_and_starts_nothing(client: TriggerClient) -> None:
    trigger = await client.on_events("a")
    for _ in range(3):
        await client.publish("a", {}, id_="one")
    deliveries = await client.decided(trigger, 3)
    assert sorted(each.outcome for each in deliveries) == [_O.DUPLICATE, _O.DUPLICATE, _O.STARTED]
    assert len({each.execution_id for each in deliveries}) == 1


async def test_what_brought_an_event_brings_it_once_however_often_it_comes(settings: Settings) -> None:
    async with TriggerClient.idle(settings) as client:
        await client.define(ECHO)
        trigger = await client.on_events("a")
        event = await client.publish("a", {})
        (stored,) = await client.services.triggers.by_id("local", [trigger.id])
        assert stored is not None
        together = await asyncio.gather(*(deliver(client.services, stored, event, via="message") for _ in range(8)))
        assert len({each.id for each in together}) == 1
        assert await client.outcomes(trigger) == [_O.STARTED]


async def test_a_dedup_key_counts_within_its_window(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        trigger = await client.on_events("a", dedup_key="event.data.n", dedup_window=timedelta(minutes=5))
        (stored,) = await client.services.triggers.by_id("local", [trigger.id])
        assert stored is not None

        async def outcome(n: object) -> DeliveryOutcome:
            event = await client.publish("a", {"n": n})
            return (await deliver(client.services, stored, event, via=event.id)).outcome

        assert [await outcome(1), await outcome("1"), await outcome(1)] == [_O.STARTED, _O.STARTED, _O.DUPLICATE]
        clock.move(minutes=4, seconds=59)
        assert await outcome(1) is _O.DUPLICATE
        clock.move(seconds=1)
        assert await outcome(1) is _O.STARTED


async def test_a_throttle_lets_so_many_start_within_any_time_of_its_length(client: TriggerClient) -> None:
    trigger = await client.on_events("a", throttle=Throttle(limit=2, per=timedelta(hours=1)))
    for _ in range(5):
        await client.publish("a", {})
    deliveries = await client.decided(trigger, 5)
    assert sorted(each.outcome for each in deliveries) == [_O.STARTED] * 2 + [_O.THROTTLED] * 3


async def test_a_full_buffer_starts_one_execution_for_all_by_key(client: TriggerClient) -> None:
    trigger = await client.on_events(
        "a",
        buffer=Buffer(max_size=3, max_wait=timedelta(hours=1), key="event.data.who"),
        input_mapping={"all": "${ event }"},
    )
    for n in range(3):
        await client.publish("a", {"who": "x", "n": n})
    await client.publish("a", {"who": "y", "n": 9})
    started = await client.decided(trigger, 3, _O.STARTED)
    (execution_id,) = {each.execution_id for each in started}
    given = await client.input_of(started[0])
    assert sorted(each["data"]["n"] for each in given["all"]) == [0, 1, 2]
    assert (await client.outcomes(trigger)).count("BUFFERED") == 1
    assert execution_id is not None


async def test_a_buffer_that_waited_long_enough_starts_with_what_there_is(client: TriggerClient) -> None:
    trigger = await client.on_events("a", buffer=Buffer(max_size=50, max_wait=timedelta(milliseconds=300)))
    for n in range(2):
        await client.publish("a", {"n": n})
    started = await client.decided(trigger, 2, _O.STARTED)
    assert len({each.execution_id for each in started}) == 1
    assert len((await client.input_of(started[0]))["events"]) == 2


async def test_what_cannot_be_started_is_tried_again_and_starts_in_the_end(client: TriggerClient) -> None:
    trigger = await client.on_events("a")
    await archive_workflow(client.services, client.caller, "test")
    await client.publish("a", {})
    (failed,) = await client.decided(trigger, 1, _O.FAILED)
    assert failed.due_at is not None
    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.retryable) == ("invalid_state", True)
    await activate_workflow(client.services, client.caller, "test", 1)
    (started,) = await client.decided(trigger, 1, _O.STARTED)
    assert (started.id, started.failure) == (failed.id, None)
    assert started.attempts >= 2


async def test_what_never_starts_is_a_dead_letter_that_can_be_replayed(client: TriggerClient) -> None:
    trigger = await client.on_events("a", max_attempts=1)
    await archive_workflow(client.services, client.caller, "test")
    await client.publish("a", {"n": 1})
    (failed,) = await client.decided(trigger, 1, _O.FAILED)
    assert failed.dead
    await activate_workflow(client.services, client.caller, "test", 1)
    view = await replay_delivery(client.services, client.caller, failed.id)
    assert view.state.input == {"n": 1}
    (delivery,) = await client.deliveries(trigger)
    assert (delivery.outcome, delivery.execution_id) == (_O.STARTED, view.state.id)
    again = await replay_delivery(client.services, client.caller, failed.id)
    assert again.state.id != view.state.id
    with pytest.raises(NotFound):
        await replay_delivery(client.services, client.caller, "de_none")


async def test_a_paused_trigger_takes_nothing_and_a_deleted_one_is_gone(client: TriggerClient) -> None:
    trigger = await client.on_events("a")
    other = await client.on_events("a", name="other")
    await pause_trigger(client.services, client.caller, "t")
    await client.publish("a", {})
    await client.decided(other, 1)
    assert await client.outcomes(trigger) == []
    await resume_trigger(client.services, client.caller, "t")
    await client.publish("a", {})
    await client.decided(trigger, 1)
    assert await delete_trigger(client.services, client.caller, "t") == trigger.id
    await client.on_events("a", name="t")  # the name is free again


async def test_firing_by_hand_starts_once_for_a_key(client: TriggerClient) -> None:
    await client.on_events("a", condition="false", input_mapping={"d": "${ event.data }"})
    first = await fire_trigger(client.services, client.caller, "t", {"x": 1}, "key")
    again = await fire_trigger(client.services, client.caller, "t", {"x": 1}, "key")
    assert first.state.id == again.state.id
    assert first.state.input == {"d": {"x": 1}}


async def test_the_end_of_an_execution_starts_the_next_one_and_no_circle_goes_on_for_ever(
    client: TriggerClient,
) -> None:
    await client.define(ECHO, name="second")
    chained = await client.on_events(
        "weft.execution.succeeded", name="chain", workflow="second", condition='event.data.workflow == "test"'
    )
    circle = await client.on_events("weft.execution.*", name="circle", workflow="second", input_mapping={})
    ended = await client.run("test", input={"n": 1})
    (started,) = await client.decided(chained, 1, _O.STARTED)
    assert started.event.data["executionId"] == ended.state.id
    dead = await client.decided(circle, 1, _O.FAILED)
    assert dead[0].failure is not None
    assert dead[0].failure.code == "chain_too_long"


async def test_waiting_failing_and_being_cancelled_are_told_too(client: TriggerClient) -> None:
    await client.define({"id": "s", "kind": "signal", "with": {"name": "go"}}, name="waits")
    await client.define({"id": "f", "kind": "fail", "with": {"message": "no"}}, name="fails")
    types = [f"weft.execution.{what}" for what in ("waiting", "failed", "cancelled")]
    trigger = await client.on_events(*types, input_mapping={})
    waiting = await client.start("waits")
    await client.until(waiting, ExecutionStatus.WAITING)
    await cancel_execution(client.services, client.caller, waiting, reason=None, force=False)
    await client.run("fails")
    found = await client.decided(trigger, 3)
    assert {each.event.type for each in found} == set(types)
    told = [each.event.type for each in found if each.event.data["executionId"] == waiting]
    assert sorted(told) == ["weft.execution.cancelled", "weft.execution.waiting"]


async def test_what_a_step_emits_reaches_triggers_once(client: TriggerClient) -> None:
    step = {"id": "e", "kind": "emit", "with": {"type": "order.paid", "data": {"n": "${ input.n }"}}}
    await client.define(step, name="emits")
    trigger = await client.on_events("order.paid")
    await client.run("emits", input={"n": 7})
    (delivery,) = await client.decided(trigger, 1)
    assert await client.input_of(delivery) == {"n": 7}


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"condition": "event.data.n >"}, ("condition",)),
        ({"condition": "nobody.x"}, ("condition",)),
        ({"input_mapping": {"a": {"b": "${ steps.x }"}}}, ("inputMapping", "a", "b")),
        ({"input_mapping": [1]}, ("inputMapping",)),
        ({"dedup_window": timedelta(1)}, ("dedupWindow",)),
        ({"throttle": Throttle(limit=0, per=timedelta(1))}, ("throttle", "limit")),
        ({"buffer": Buffer(max_size=1_000, max_wait=timedelta(1))}, ("buffer", "maxSize")),
        ({"max_attempts": 0}, ("maxAttempts",)),
        ({"name": "No Name"}, ("name",)),
    ],
)
async def test_a_trigger_that_makes_no_sense_is_refused_with_the_place(
    client: TriggerClient, given: dict[str, object], path: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        await client.on_events("a", **given)  # type: ignore[arg-type]
    assert [problem.path for problem in refused.value.problems] == [path]


async def test_deliveries_and_dedup_keys_are_deleted_when_they_have_expired(settings: Settings) -> None:
    clock = SetClock()
    async with TriggerClient.idle(settings, clock=clock) as client:
        await client.define(ECHO)
        trigger = await client.on_events("a", dedup_key="event.data.n")
        (stored,) = await client.services.triggers.by_id("local", [trigger.id])
        assert stored is not None
        await deliver(client.services, stored, await client.publish("a", {"n": 1}), via="m")
        retention = Retention(client.services.store, clock, OnlyWorker())
        assert await retention.once(clock.now + timedelta(hours=23)) == 0
        assert await retention.once(clock.now + timedelta(days=2)) == 1
        assert len(await client.deliveries(trigger)) == 1
        assert await retention.once(clock.now + timedelta(days=31)) == 1
        assert await client.deliveries(trigger) == []


TRACE = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "vendor=1"}


async def test_the_trace_of_an_event_goes_on_with_what_it_leads_to(client: TriggerClient) -> None:
    await client.define({"id": "e", "kind": "emit", "with": {"type": "second"}}, name="emits")
    await client.on_events("first", name="one", workflow="emits", input_mapping={})
    emitted = await client.on_events("second", name="two", input_mapping={})
    ended = await client.on_events("weft.execution.succeeded", name="three", condition='event.data.workflow == "emits"')
    event = CloudEvent(id="1", source="/tests", type="first", extensions=dict(TRACE))
    await publish_event(client.services, client.caller, event)
    for trigger in (emitted, ended):
        (delivery,) = await client.decided(trigger, 1, _O.STARTED)
        assert {name: delivery.event.extensions[name] for name in TRACE} == TRACE
        assert delivery.execution_id is not None
        assert (await client.view(delivery.execution_id)).state.trace == TRACE


async def test_a_circle_by_way_of_a_child_comes_to_an_end_too(client: TriggerClient) -> None:
    await client.define({"id": "c", "kind": "child", "with": {"workflow": "test", "input": {}}}, name="parent")
    circle = await client.on_events(
        "weft.execution.succeeded", workflow="parent", condition='event.data.workflow == "test"', input_mapping={}
    )
    await client.run("test")
    (dead,) = await client.decided(circle, 1, _O.FAILED)
    assert dead.failure is not None
    assert dead.failure.code == "chain_too_long"
