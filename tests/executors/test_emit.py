import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from engine.bus.port import Handler, Message, MessageBus, NoSuchTopic
from engine.bus.pubsub.names import checked_attributes
from engine.bus.topology import EMITTED, TOPICS
from engine.domain.errors import BadRequest, PayloadTooLarge, Unavailable, WeftError
from engine.domain.status import FailureKind
from engine.executors.emit import Emit, EmitWith
from engine.executors.port import Done, StepFailure
from engine.settings import BadSettings, read_settings
from tests.executors.fake_step import FakeStepContext


class RecordingBus(MessageBus):
    def __init__(self, refusal: WeftError | None = None) -> None:
        self.published: list[tuple[str, dict[str, Any], Mapping[str, str]]] = []
        self._refusal = refusal

    async def publish(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        if self._refusal is not None:
            raise self._refusal
        self.published.append((topic, json.loads(body), attributes or {}))

    def hint(self, topic: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        raise AssertionError((topic, body, attributes))

    def consume(
        self, topic: str, group: str, handler: Handler, *, concurrency: int, subscription: str | None = None
    ) -> AbstractAsyncContextManager[None]:
        raise AssertionError((topic, group, handler, concurrency, subscription))

    async def subscribe(self, topic: str, subscription: str) -> None:
        raise AssertionError((topic, subscription))

    async def unsubscribe(self, subscription: str) -> None:
        raise AssertionError(subscription)

    def listen(
        self, topic: str, *, only: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        raise AssertionError((topic, only))

    async def ready(self) -> None: ...

    async def close(self) -> None: ...


def emit(bus: RecordingBus) -> Emit:
    return Emit(bus, now=lambda: datetime(2026, 11, 20, tzinfo=UTC))


async def test_the_event_is_a_cloud_event_and_its_id_the_output() -> None:
    bus = RecordingBus()
    result = await emit(bus).run(FakeStepContext(with_=EmitWith(type="order.paid", data={"total": 3})))
    ((topic, event, attributes),) = bus.published
    assert isinstance(result, Done)
    assert event == {
        "specversion": "1.0",
        "id": result.output,
        "type": "order.paid",
        "source": "/workflows/test/executions/ex_test",
        "subject": "step",
        "time": "2026-11-20T00:00:00Z",
        "datacontenttype": "application/json",
        "data": {"total": 3},
    }
    assert topic == "weft.emitted"
    assert attributes["ce-id"] == attributes["dedup"] == result.output
    assert (attributes["ce-type"], attributes["tenant"]) == ("order.paid", "local")


async def test_a_repetition_carries_the_same_id_and_another_step_or_tenant_does_not() -> None:
    bus = RecordingBus()
    with_ = EmitWith(type="x")
    steps = [
        FakeStepContext(with_=with_),
        FakeStepContext(with_=with_, attempt=2),
        FakeStepContext(with_=with_, step_id="other"),
        FakeStepContext(with_=with_, tenant="other"),
    ]
    results = [await emit(bus).run(step) for step in steps]
    ids = [result.output for result in results if isinstance(result, Done)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


@pytest.mark.parametrize("topic", [*TOPICS, "weft.anything"])
async def test_the_engines_own_topics_are_refused_but_for_the_one_of_events(topic: str) -> None:
    bus = RecordingBus()
    step = FakeStepContext(with_=EmitWith(type="x", topic=topic))
    if topic == EMITTED:
        await emit(bus).run(step)
        assert len(bus.published) == 1
        return
    with pytest.raises(StepFailure) as raised:
        await emit(bus).run(step)
    assert (raised.value.failure.code, bus.published) == ("topic_not_allowed", [])


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (NoSuchTopic("there is no topic 'orders'"), "topic_not_found"),
        (PayloadTooLarge("the message has 10,000,001 bytes"), "event_too_large"),
        (BadRequest("'googles' cannot name a topic"), "event_refused"),
    ],
)
async def test_what_the_bus_refuses_for_good_fails_the_step_at_once(refusal: WeftError, code: str) -> None:
    with pytest.raises(StepFailure) as raised:
        await emit(RecordingBus(refusal)).run(FakeStepContext(with_=EmitWith(type="x", topic="orders")))
    failure = raised.value.failure
    assert (failure.kind, failure.code, failure.message) == (FailureKind.TASK, code, refusal.message)
    assert not failure.retryable


async def test_a_bus_that_does_not_answer_is_no_failure_of_the_step() -> None:
    with pytest.raises(Unavailable):
        await emit(RecordingBus(Unavailable("no answer"))).run(FakeStepContext(with_=EmitWith(type="x")))


async def test_the_attributes_of_the_longest_event_are_within_what_pubsub_takes() -> None:
    bus = RecordingBus()
    await emit(bus).run(FakeStepContext(with_=EmitWith(type="\U0001f9f5" * 255)))
    ((_, _, attributes),) = bus.published
    checked_attributes(attributes)


@pytest.mark.parametrize("topic", ["", "a/b", "1abc", "projects/p/topics/t"])
def test_a_topic_is_a_plain_name(topic: str) -> None:
    with pytest.raises(ValidationError):
        EmitWith(type="x", topic=topic)


async def test_where_topics_are_listed_others_are_refused_with_the_settings_name() -> None:
    bus = RecordingBus()
    kind = Emit(bus, now=lambda: datetime(2026, 11, 20, tzinfo=UTC), topics=frozenset({"orders"}))
    for topic in ("orders", EMITTED):
        await kind.run(FakeStepContext(with_=EmitWith(type="x", topic=topic)))
    with pytest.raises(StepFailure, match="WEFT_EMIT_TOPICS") as raised:
        await kind.run(FakeStepContext(with_=EmitWith(type="x", topic="others")))
    assert raised.value.failure.code == "topic_not_allowed"
    assert [topic for topic, _, _ in bus.published] == ["orders", EMITTED]


@pytest.mark.parametrize(
    ("environment", "topics"),
    [
        ({}, None),
        ({"WEFT_BUS": "pubsub"}, frozenset()),
        ({"WEFT_BUS": "pubsub", "WEFT_EMIT_TOPICS": "orders, invoices"}, frozenset({"orders", "invoices"})),
        ({"WEFT_EMIT_TOPICS": "orders"}, frozenset({"orders"})),
    ],
)
def test_unless_they_are_listed_any_topic_of_the_local_bus_may_be_named_and_none_of_pubsub(
    environment: dict[str, str], topics: frozenset[str] | None
) -> None:
    assert read_settings(environment).emit_to == topics


def test_a_topic_of_the_engine_cannot_be_listed() -> None:
    with pytest.raises(BadSettings, match="belongs to the engine"):
        read_settings({"WEFT_EMIT_TOPICS": "weft.wake"})
