"""Creating topics and subscriptions, doing without the right to, and what refusals tell."""

import asyncio

import pytest
from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError, Metadata  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.port import NoSuchTopic
from engine.bus.pubsub import PubSubBus
from engine.bus.pubsub.failures import unavailable
from engine.bus.pubsub.provisioning import State, diagnose_pubsub, provision_pubsub
from engine.bus.topics import BATCH_WAKE, EVENTS, WAKE
from engine.bus.topology import BATCHES, DEAD_LETTERS, KEPT, TOPICS, WORKERS
from engine.domain.errors import Unavailable
from tests.contracts.inbox import Inbox
from tests.contracts.pubsub_buses import Calls, pubsub_bus
from tests.emulators import Emulators, project_id
from tests.patience import PATIENCE_SECONDS

EVERYTHING = [
    *(f"topic {topic}" for topic in TOPICS),
    "subscription weft.dead_letters.kept",
    "subscription weft.wake.workers",
    "subscription weft.batch_wake.batches",
    "subscription weft.inbox.triggers",
    "subscription weft.emitted.triggers",
]


async def test_provisioning_creates_what_is_missing_and_a_second_time_nothing(emulators: Emulators) -> None:
    project, emulator = project_id(), emulators.pubsub
    missing = await provision_pubsub(project=project, emulator=emulator, dry_run=True)
    created = await provision_pubsub(project=project, emulator=emulator)
    ready = [
        await provision_pubsub(project=project, emulator=emulator),
        await provision_pubsub(project=project, emulator=emulator, dry_run=True),
        await diagnose_pubsub(project=project, emulator=emulator),
    ]
    assert [(each.state, each.what) for each in missing] == [(State.MISSING, what) for what in EVERYTHING]
    assert [(each.state, each.what) for each in created] == [(State.CREATED, what) for what in EVERYTHING]
    assert all(
        [(each.state, each.what) for each in found] == [(State.READY, what) for what in EVERYTHING] for found in ready
    )


async def test_a_bus_that_may_create_nothing_works_on_what_was_provisioned(emulators: Emulators) -> None:
    project, inbox, calls = project_id(), Inbox(), Calls()
    await provision_pubsub(project=project, emulator=emulators.pubsub)
    async with (
        pubsub_bus(project, emulators.pubsub, provision=False, calls=calls) as bus,
        bus.consume(WAKE, WORKERS, inbox, concurrency=1),
        bus.consume(BATCH_WAKE, BATCHES, inbox, concurrency=1),
        bus.consume(DEAD_LETTERS, KEPT, inbox, concurrency=1),
        bus.listen(EVENTS) as listener,
    ):
        for topic in (WAKE, BATCH_WAKE, DEAD_LETTERS, EVENTS):
            await bus.publish(topic, topic.encode())
        await inbox.holds(3)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await anext(listener)).body == EVENTS.encode()
        await bus.ready()
    assert calls.of("CreateTopic") == []
    assert all(".listen." in request.name for request in calls.of("CreateSubscription"))


async def test_without_the_right_to_create_what_is_missing_is_named_with_the_command_that_creates_it(
    emulators: Emulators, caplog: pytest.LogCaptureFixture
) -> None:
    async with pubsub_bus(project_id(), emulators.pubsub, provision=False) as bus:
        with pytest.raises(NoSuchTopic, match=r"no topic 'orders' .*`weft provision`"):
            await bus.publish("orders", b"m")
        with pytest.raises(Unavailable, match=r"consume from weft.wake.workers.*`weft provision`"):
            async with bus.consume(WAKE, WORKERS, Inbox(), concurrency=1):
                pass
        with pytest.raises(Unavailable, match=r"listen to weft.events.*`weft provision`"):
            async with bus.listen(EVENTS):
                pass
        with pytest.raises(Unavailable, match=r"find the topic weft.events.*`weft provision`"):
            await bus.ready()
        bus.hint("orders", b"m")
    assert "orders: 1 hints are lost" in caplog.text


async def test_a_subscription_that_somebody_deletes_makes_the_bus_not_ready(emulators: Emulators) -> None:
    project = project_id()
    await provision_pubsub(project=project, emulator=emulators.pubsub)
    async with (
        pubsub_bus(project, emulators.pubsub, provision=False) as bus,
        bus.consume(WAKE, WORKERS, Inbox(), concurrency=1),
    ):
        await bus._rpc.delete_subscription("weft.wake.workers", timeout=5)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (told := await trouble(bus)) is None:
                await asyncio.sleep(0.01)
        assert "consume from weft.wake.workers" in told


async def test_without_credentials_and_emulator_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file.json")
    with pytest.raises(
        Unavailable, match=r"no Google Cloud credentials .*gcloud auth application-default login.*PUBSUB_EMULATOR"
    ):
        await PubSubBus.open("project", None, provision=True)


@pytest.mark.parametrize(
    ("code", "details", "told"),
    [
        (
            StatusCode.PERMISSION_DENIED,
            "User not authorized",
            "may not publish to t in the project 'p'.*roles/pubsub.editor",
        ),
        (
            StatusCode.NOT_FOUND,
            "Requested project not found",
            "'p'; check GOOGLE_CLOUD_PROJECT.*Requested project not found",
        ),
        (StatusCode.RESOURCE_EXHAUSTED, "quota exceeded", "a Pub/Sub quota of the project 'p' is used up"),
        (
            StatusCode.UNAUTHENTICATED,
            "expired",
            "does not accept the credentials.*gcloud auth application-default login",
        ),
        (
            StatusCode.UNAVAILABLE,
            "Getting metadata from plugin failed with error: revoked",
            "does not accept the credentials",
        ),
        (StatusCode.DEADLINE_EXCEEDED, "", "cannot publish to t: Pub/Sub does not answer"),
    ],
)
def test_every_refusal_says_what_to_do(code: StatusCode, details: str, told: str) -> None:
    error = AioRpcError(code, Metadata(), Metadata(), details=details)
    with pytest.raises(Unavailable, match=told):
        raise unavailable(error, "publish to t", project="p", emulator=None)


async def trouble(bus: PubSubBus) -> str | None:
    try:
        await bus.ready()
    except Unavailable as error:
        return error.message
    return None
