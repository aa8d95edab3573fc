"""What Pub/Sub refuses, at each kind of call. The emulator allows everything, so that the refusals are put in between."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.port import Message, NoSuchTopic
from engine.bus.pubsub.provisioning import provision_pubsub
from engine.bus.topics import EVENTS, WAKE
from engine.bus.topology import WORKERS
from engine.domain.errors import Unavailable
from tests.contracts.inbox import Inbox
from tests.contracts.pubsub_buses import QUICK, Calls, pubsub_bus
from tests.emulators import Emulators, project_id


class Once:
    """Refuses the first so many calls of a method."""

    def __init__(self, method: str, status: StatusCode, times: int = 1) -> None:
        self._method = method
        self._status = status
        self._left = times

    def __call__(self, method: str, _request: Any) -> StatusCode | None:
        if method != self._method or not self._left:
            return None
        self._left -= 1
        return self._status


async def test_a_filter_that_is_not_understood_is_left_out(
    emulators: Emulators, caplog: pytest.LogCaptureFixture
) -> None:
    calls = Calls(
        lambda method, request: (
            StatusCode.INVALID_ARGUMENT if method == "CreateSubscription" and request.filter else None
        )
    )
    project = project_id()
    async with (
        pubsub_bus(project, emulators.pubsub, calls=calls) as bus,
        pubsub_bus(project, emulators.pubsub) as other,
        bus.listen("poke", only={"owner": "w1"}) as listener,
    ):
        await other.publish("poke", b"not mine", {"owner": "w2"})
        await other.publish("poke", b"mine", {"owner": "w1"})
        assert (await anext(listener)).body == b"mine"
    assert "listening to poke without the filter" in caplog.text


async def test_an_account_that_may_not_create_uses_what_is_there(emulators: Emulators) -> None:
    project, inbox = project_id(), Inbox()
    await provision_pubsub(project=project, emulator=emulators.pubsub)
    calls = Calls(lambda method, _: StatusCode.PERMISSION_DENIED if method.startswith("Create") else None)
    async with (
        pubsub_bus(project, emulators.pubsub, calls=calls) as bus,
        bus.consume(WAKE, WORKERS, inbox, concurrency=1),
    ):
        await bus.publish(WAKE, b"m")
        await inbox.holds(1)
        with pytest.raises(NoSuchTopic, match="no topic 'orders'"):
            await bus.publish("orders", b"m")
        with pytest.raises(Unavailable, match=r"may not create the subscription weft.wake.others .*`weft provision`"):
            async with bus.consume(WAKE, "others", inbox, concurrency=1):
                pass
        with pytest.raises(Unavailable, match=r"may not listen to weft.events"):
            async with bus.listen(EVENTS):
                pass


async def test_where_looking_is_not_allowed_either_consuming_tells(emulators: Emulators) -> None:
    project, inbox = project_id(), Inbox()
    await provision_pubsub(project=project, emulator=emulators.pubsub)
    calls = Calls(lambda method, _: StatusCode.PERMISSION_DENIED if method.startswith("Get") else None)
    async with (
        pubsub_bus(project, emulators.pubsub, provision=False, calls=calls) as bus,
        bus.consume(WAKE, WORKERS, inbox, concurrency=1),
    ):
        await bus.publish(WAKE, b"m")
        await inbox.holds(1)
        await bus.ready()


@pytest.mark.parametrize(
    "status", [StatusCode.RESOURCE_EXHAUSTED, StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.ABORTED]
)
async def test_what_passes_is_tried_again(emulators: Emulators, status: StatusCode) -> None:
    inbox = Inbox()
    async with (
        pubsub_bus(project_id(), emulators.pubsub, calls=Calls(Once("Publish", status, times=3))) as bus,
        bus.consume("wake", "workers", inbox, concurrency=1),
    ):
        await bus.publish("wake", b"m")
        await inbox.holds(1)


async def test_what_does_not_pass_is_told_at_once_to_all_who_wait(emulators: Emulators) -> None:
    calls = Calls(lambda method, _: StatusCode.PERMISSION_DENIED if method == "Publish" else None)
    async with pubsub_bus(project_id(), emulators.pubsub, calls=calls) as bus:
        with pytest.raises(Unavailable, match=r"may not publish to wake in the project"):
            await bus.publish("wake", b"m")
    assert len(calls.of("Publish")) == 1


async def test_acknowledgements_are_tried_again(emulators: Emulators) -> None:
    calls, inbox = Calls(Once("Acknowledge", StatusCode.UNAVAILABLE)), Inbox()
    async with (
        pubsub_bus(project_id(), emulators.pubsub, calls=calls) as bus,
        bus.consume("wake", "workers", inbox, concurrency=1),
    ):
        await bus.publish("wake", b"m")
        await calls.until(2, "Acknowledge")
    first, second = calls.of("Acknowledge")
    assert first.ack_ids == second.ack_ids


async def test_a_dead_letter_that_cannot_be_put_away_comes_again(
    emulators: Emulators, caplog: pytest.LogCaptureFixture
) -> None:
    calls = Calls(
        lambda method, request: (
            StatusCode.PERMISSION_DENIED
            if method == "Publish" and request.topic.endswith("weft.dead_letters")
            else None
        )
    )
    project, tries = project_id(), Inbox()

    async def failing(message: Message) -> None:
        await tries(message)
        raise ValueError("never")

    async with (
        pubsub_bus(project, emulators.pubsub) as creates_it,
        creates_it.consume("wake", "workers", tries, concurrency=1),
    ):
        pass
    async with (
        pubsub_bus(project, emulators.pubsub, tuning=replace(QUICK, max_delivery_attempts=1), calls=calls) as bus,
        bus.consume("wake", "workers", failing, concurrency=1),
    ):
        await bus.publish("wake", b"m")
        await tries.holds(2)
    assert "cannot put the message among the dead letters: the credentials may not publish" in caplog.text


async def test_a_message_that_is_refused_takes_no_other_of_its_request_with_it(emulators: Emulators) -> None:
    calls, inbox = (
        Calls(
            lambda method, request: (
                StatusCode.INVALID_ARGUMENT
                if method == "Publish" and any(message.data == b"bad" for message in request.messages)
                else None
            )
        ),
        Inbox(),
    )
    async with (
        pubsub_bus(project_id(), emulators.pubsub, calls=calls) as bus,
        bus.consume("wake", "workers", inbox, concurrency=1),
    ):
        bodies = [b"first", b"good", b"bad", b"better"]
        outcomes = await asyncio.gather(*(bus.publish("wake", body) for body in bodies), return_exceptions=True)
        await inbox.holds(3)
    assert max(len(request.messages) for request in calls.of("Publish")) > 1
    assert [outcome is None for outcome in outcomes] == [True, True, False, True]
    assert sorted(inbox.bodies) == [b"better", b"first", b"good"]
