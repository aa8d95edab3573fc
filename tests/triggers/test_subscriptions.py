"""Topics as sources of triggers, on the bus of one process and on Pub/Sub's emulator."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from engine.bus.local import LocalBus
from engine.bus.port import MessageBus
from engine.bus.pubsub import PubSubBus
from engine.bus.pubsub.rpc import Subscription
from engine.domain.errors import ValidationFailed
from engine.domain.triggers.delivery import DeliveryOutcome
from engine.domain.triggers.trigger import PubSubSource, Trigger
from engine.settings import BadSettings, Settings, read_settings
from engine.usecases.triggers.changing import delete_trigger, pause_trigger, resume_trigger, update_trigger
from engine.usecases.triggers.deliver import DEPTH_LIMIT
from engine.usecases.triggers.subscribing import own_subscription
from tests.contracts.inbox import Inbox
from tests.contracts.pubsub_buses import QUICK
from tests.emulators import Emulators, project_id
from tests.patience import PATIENCE_SECONDS
from tests.runtime.cluster import Cluster
from tests.triggers.at_work import ECHO, TriggerClient
from weft.trigger_work import triggers_at_work

_O = DeliveryOutcome
POLL_SECONDS = 0.2
TUNING = replace(QUICK, poll_seconds=POLL_SECONDS, ack_deadline_seconds=10, extend_every_seconds=3.0)


@pytest.fixture(params=["local", "pubsub"])
async def bus(request: pytest.FixtureRequest, emulators: Emulators) -> AsyncIterator[MessageBus]:
    opened: MessageBus
    if request.param == "local":
        opened = LocalBus(redelivery_seconds=(0.001, *(0.2,) * 100))
    else:
        opened = await PubSubBus.open(project_id(), emulators.pubsub, provision=True, tuning=TUNING)
    yield opened
    await opened.close()


@pytest.fixture
async def worker(settings: Settings, bus: MessageBus) -> AsyncIterator[TriggerClient]:
    async with TriggerClient.working(settings, bus=bus) as client:
        await client.define(ECHO)
        yield client


async def on_orders(client: TriggerClient, name: str = "t", **more: Any) -> Trigger:
    return await client.trigger(PubSubSource(topic="orders"), name=name, **more)


async def closed(trigger: Trigger) -> None:
    """Nothing is done here any more about the subscription that the trigger had."""
    source = trigger.source
    assert isinstance(source, PubSubSource)
    name = source.subscription or own_subscription(trigger)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(task.get_name() in (f"consume {name}", f"close {name}") for task in asyncio.all_tasks()):
            await asyncio.sleep(0.01)
    await asyncio.sleep(
        POLL_SECONDS
    )  # the emulator may give messages to a pull that was cancelled, until that would have ended


async def make_pushed(bus: PubSubBus, topic: str, subscription: str) -> None:
    rpc = bus._rpc
    made = Subscription(name=rpc.subscription_path(subscription), topic=rpc.topic_path(topic))
    made.push_config.push_endpoint = "http://127.0.0.1:1/pubsub/push/x"
    await rpc.create_subscription(made)


async def publish(client: TriggerClient, *numbers: int) -> None:
    for number in numbers:
        await client.services.bus.publish("orders", b'{"n": %d}' % number, {"kind": "order"})


async def test_a_message_of_the_topic_starts_an_execution(worker: TriggerClient) -> None:
    trigger = await on_orders(worker)
    await publish(worker, 1)
    (delivery,) = await worker.decided(trigger, 1)
    event = delivery.event
    assert (delivery.outcome, await worker.input_of(delivery)) == (_O.STARTED, {"n": 1})
    assert (event.id, event.source) == (delivery.via, "//pubsub.googleapis.com/topics/orders")
    assert event.extensions["attributes"] == {"kind": "order"}
    assert event.time is not None


async def test_an_emit_step_reaches_a_trigger_on_its_topic(worker: TriggerClient) -> None:
    await worker.define(
        {"id": "say", "kind": "emit", "with": {"type": "order.paid", "topic": "orders", "data": {"total": 3}}},
        name="speaks",
    )
    trigger = await on_orders(worker)
    emitter = await worker.run("speaks")
    (delivery,) = await worker.decided(trigger, 1)
    assert delivery.event.type == "order.paid"
    assert delivery.event.source.endswith(f"/executions/{emitter.state.id}")
    assert await worker.input_of(delivery) == {"total": 3}


async def test_a_workflow_that_starts_itself_by_a_topic_comes_to_an_end(worker: TriggerClient) -> None:
    await worker.define(
        {"id": "say", "kind": "emit", "with": {"type": "again", "topic": "orders", "data": {}}}, name="speaks"
    )
    trigger = await on_orders(worker, workflow="speaks")
    await worker.start("speaks")
    (last,) = await worker.decided(trigger, 1, _O.FAILED)
    assert last.failure is not None
    assert last.failure.code == "chain_too_long"
    assert await worker.outcomes(trigger) == ["STARTED"] * DEPTH_LIMIT + ["FAILED"]


async def test_pausing_loses_no_message(worker: TriggerClient) -> None:
    trigger = await on_orders(worker)
    await publish(worker, 1)
    await worker.decided(trigger, 1)
    await pause_trigger(worker.services, worker.caller, "t")
    await closed(trigger)
    await publish(worker, 2, 3)
    assert len(await worker.deliveries(trigger)) == 1
    await resume_trigger(worker.services, worker.caller, "t")
    await worker.decided(trigger, 3)
    inputs = [await worker.input_of(each) for each in await worker.deliveries(trigger)]
    assert sorted(each["n"] for each in inputs) == [1, 2, 3]


async def test_a_changed_condition_holds_for_the_messages_to_come(worker: TriggerClient) -> None:
    trigger = await on_orders(worker)
    await publish(worker, 1)
    await worker.decided(trigger, 1)
    await update_trigger(worker.services, worker.caller, "t", {"condition": "event.data.n > 5"})
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "FILTERED" not in await worker.outcomes(trigger):
            await publish(worker, 2)
            await asyncio.sleep(0.05)


async def test_a_trigger_that_is_deleted_takes_its_subscription_along(worker: TriggerClient) -> None:
    trigger = await on_orders(worker)
    await publish(worker, 1)
    await worker.decided(trigger, 1)
    await delete_trigger(worker.services, worker.caller, "t")
    await closed(trigger)
    own = own_subscription(trigger)
    assert own is not None
    await publish(worker, 2)
    await worker.services.bus.subscribe("orders", own)  # a new one: what came before is not in it
    await publish(worker, 3)
    inbox = Inbox()
    async with worker.services.bus.consume("orders", "g", inbox, concurrency=1, subscription=own):
        await inbox.holds(1)
    assert inbox.bodies == [b'{"n": 3}']


async def test_a_trigger_that_changes_its_topic_hears_the_new_one_alone(worker: TriggerClient) -> None:
    trigger = await on_orders(worker)
    await publish(worker, 1)
    await worker.decided(trigger, 1)
    changes = {"source": PubSubSource(topic="invoices")}
    await update_trigger(worker.services, worker.caller, "t", changes)
    await closed(trigger)
    await publish(worker, 2)
    await worker.services.bus.publish("invoices", b'{"n": 3}')
    await worker.decided(trigger, 2)
    assert [await worker.input_of(each) for each in await worker.deliveries(trigger)] == [{"n": 1}, {"n": 3}]


async def test_a_given_subscription_is_consumed_and_outlives_the_trigger(worker: TriggerClient) -> None:
    bus = worker.services.bus
    await bus.subscribe("orders", "given")
    await publish(worker, 1)
    trigger = await worker.trigger(PubSubSource(topic="orders", subscription="given"))
    await worker.decided(trigger, 1)
    await delete_trigger(worker.services, worker.caller, "t")
    await closed(trigger)
    await publish(worker, 2)
    inbox = Inbox()
    async with bus.consume("orders", "g", inbox, concurrency=1, subscription="given"):
        await inbox.holds(1)
    assert inbox.bodies == [b'{"n": 2}']


@pytest.mark.parametrize(
    ("body", "attributes", "code"),
    [
        pytest.param(b'"' + b"x" * 600_000 + b'"', {}, "payload_too_large", id="too large"),
        pytest.param(
            b'{"a": "\\u0000"}', {"content-type": "application/json", "ce-id": "1"}, "validation_failed", id="NUL"
        ),
        pytest.param(b"{", {"content-type": "application/cloudevents+json"}, "validation_failed", id="no JSON"),
        pytest.param(b"{}", {"ce-specversion": "0.3", "ce-id": "1"}, "validation_failed", id="no event"),
    ],
)
async def test_what_can_never_be_an_event_is_recorded_and_does_not_come_again(
    worker: TriggerClient, body: bytes, attributes: dict[str, str], code: str
) -> None:
    trigger = await on_orders(worker)
    await worker.services.bus.publish("orders", body, attributes)
    await publish(worker, 1)
    await worker.decided(trigger, 2)
    (refused,) = await worker.decided(trigger, 1, _O.FAILED)
    assert refused.failure is not None
    assert (refused.failure.code, refused.dead, refused.event.data) == (code, True, None)
    assert sorted(await worker.outcomes(trigger)) == ["FAILED", "STARTED"]


@asynccontextmanager
async def two_workers(cluster: Cluster) -> AsyncIterator[TriggerClient]:
    """The first of them, with a workflow."""
    async with cluster.process("worker") as one, cluster.process("worker") as other:
        first = TriggerClient(one.engine)
        await first.define(ECHO)
        async with triggers_at_work(one.engine), triggers_at_work(other.engine):
            yield first


async def test_a_message_that_comes_again_starts_nothing_more(settings: Settings, bus: MessageBus) -> None:
    """A commit that fails, and one that is only reported to: both bring their messages again."""
    async with Cluster.opened(settings, bus) as cluster, two_workers(cluster) as first:
        trigger = await on_orders(first)
        cluster.store.fail_on("deliveries", after=2)
        cluster.store.unanswered = 1
        await publish(first, *range(20))
        found = await first.decided(trigger, 20)
    assert {each.outcome for each in found} == {_O.STARTED}
    assert len({each.execution_id for each in found}) == 20
    assert len(found) == 20


async def test_workers_share_the_messages_of_a_trigger(settings: Settings, bus: MessageBus) -> None:
    async with Cluster.opened(settings, bus) as cluster, two_workers(cluster) as first:
        trigger = await on_orders(first)
        await publish(first, *range(40))
        found = await first.decided(trigger, 40)
        ran = [await first.input_of(each) for each in found]
    assert sorted(each["n"] for each in ran) == list(range(40))


async def test_what_a_worker_did_not_decide_before_it_ended_is_taken_by_the_next(
    settings: Settings, bus: MessageBus
) -> None:
    async with Cluster.opened(settings, bus) as cluster:
        async with cluster.process("worker") as one:
            first = TriggerClient(one.engine)
            await first.define(ECHO)
            async with triggers_at_work(first.engine):
                trigger = await on_orders(first)
                await publish(first, 1)
                await first.decided(trigger, 1)
                cluster.store.failures = 1_000
                await publish(first, 2)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    while not cluster.store.refused:
                        await asyncio.sleep(0.01)
            cluster.store.failures = 0
        async with cluster.process("worker") as two:
            second = TriggerClient(two.engine)
            async with triggers_at_work(second.engine):
                async with asyncio.timeout(
                    PATIENCE_SECONDS
                ):  # a pull that was cancelled may have taken it along, for 10 s
                    while len(found := await second.deliveries(trigger)) < 2:
                        await asyncio.sleep(0.05)
                assert [await second.input_of(each) for each in found] == [{"n": 1}, {"n": 2}]


async def test_a_topic_that_does_not_exist_is_said_and_the_others_go_on(
    settings: Settings, emulators: Emulators, caplog: pytest.LogCaptureFixture
) -> None:
    bus = await PubSubBus.open(project_id(), emulators.pubsub, provision=True, tuning=TUNING)
    try:
        async with TriggerClient.working(settings, bus=bus) as worker:
            await worker.define(ECHO)
            elsewhere = "projects/elsewhere-0/topics/missing"
            with caplog.at_level(logging.WARNING):
                await worker.trigger(PubSubSource(topic=elsewhere), name="lost")
                await worker.trigger(PubSubSource(topic="orders", subscription="nowhere"), name="also-lost")
                trigger = await on_orders(worker)
                await publish(worker, 1)
                await worker.decided(trigger, 1)
            said = [each.getMessage() for each in caplog.records if "lost" in each.getMessage()]
            await bus.ready()
    finally:
        await bus.close()
    assert any(elsewhere in each for each in said)
    assert any("nowhere" in each for each in said)


async def test_a_subscription_that_is_pushed_is_not_pulled(emulators: Emulators) -> None:
    bus = await PubSubBus.open(project_id(), emulators.pubsub, provision=True, tuning=TUNING)
    try:
        await bus.subscribe("orders", "pulled")
        await make_pushed(bus, "orders", "pushed")
        inbox = Inbox()
        async with bus.consume("orders", "g", inbox, concurrency=1, subscription="pushed"):
            await bus.publish("orders", json.dumps({}).encode())
            await bus.ready()
    finally:
        await bus.close()
    assert inbox.messages == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        (PubSubSource(topic="orders", subscription="orders-weft"), []),
        (PubSubSource(topic="payroll"), ["topic"]),
        (PubSubSource(topic="orders", subscription="payroll-audit"), ["subscription"]),
        (PubSubSource(topic="projects/shop-1/topics/orders"), ["topic"]),
    ],
)
async def test_only_what_is_listed_may_be_named_whichever_way_a_trigger_comes(
    settings: Settings, source: PubSubSource, wrong: list[str]
) -> None:
    listed = read_settings({"WEFT_TRIGGER_TOPICS": "orders, orders-weft"}).trigger_topics
    async with TriggerClient.idle(replace(settings, trigger_topics=listed)) as client:
        await client.define(ECHO)
        await client.trigger(PubSubSource(topic="orders"), name="kept")
        attempts: list[tuple[tuple[str, ...], Callable[[], Awaitable[object]]]] = [
            (("source", "pubsub"), lambda: client.trigger(source)),
            (("source", "pubsub"), lambda: update_trigger(client.services, client.caller, "kept", {"source": source})),
            (
                ("definition", "triggers", "0", "pubsub"),
                lambda: client.define(ECHO, name="own", triggers=[{"pubsub": _written(source)}]),
            ),
        ]
        for path, attempt in attempts:
            if wrong:
                with pytest.raises(ValidationFailed, match="WEFT_TRIGGER_TOPICS") as refused:
                    await attempt()
                assert [problem.path for problem in refused.value.problems] == [(*path, *wrong)]
            else:
                await attempt()
        assert (await client.services.workflows.by_name(client.caller.tenant, "own") is None) is bool(wrong)


def _written(source: PubSubSource) -> dict[str, str]:
    given = {"topic": source.topic, "subscription": source.subscription}
    return {name: value for name, value in given.items() if value is not None}


@pytest.mark.parametrize("text", ["weft.wake", "projects/p/subscriptions/weft.trigger.x", "a b c"])
def test_what_belongs_to_the_engine_or_is_no_name_cannot_be_listed(text: str) -> None:
    with pytest.raises(BadSettings, match="WEFT_TRIGGER_TOPICS"):
        read_settings({"WEFT_TRIGGER_TOPICS": text})
