"""Listeners of several processes, on the Pub/Sub emulator."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from grpc import StatusCode  # type: ignore[import-untyped]  # gRPC has no types
from grpc.aio import AioRpcError  # type: ignore[import-untyped]  # gRPC has no types

from engine.bus.port import Message
from engine.bus.pubsub.rpc import Rpc
from tests.contracts.pubsub_buses import Calls, pubsub_bus
from tests.emulators import Emulators, project_id
from tests.patience import PATIENCE_SECONDS


async def next_of(listener: AsyncIterator[Message]) -> Message:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await anext(listener)


@pytest.mark.parametrize("streaming", [False, True])
async def test_every_process_hears_everything_once_its_own_messages_too(
    emulators: Emulators, *, streaming: bool
) -> None:
    project = project_id()
    async with (
        pubsub_bus(project, emulators.pubsub, streaming=streaming) as one,
        pubsub_bus(project, emulators.pubsub, streaming=streaming) as other,
        one.listen("events") as hears,
        other.listen("events") as hears_too,
        other.listen("events") as hears_as_well,
    ):
        for n in range(20):
            await (one, other)[n % 2].publish("events", b"%d" % n, {"n": str(n)})
        await one.publish("events", b"last")
        await other.publish("events", b"last")
        for listener in (hears, hears_too, hears_as_well):
            heard = [await next_of(listener) for _ in range(22)]
            assert sorted(m.body for m in heard) == sorted([b"last"] * 2 + [b"%d" % n for n in range(20)])
            assert all(dict(m.attributes) == ({} if m.body == b"last" else {"n": m.body.decode()}) for m in heard)


async def test_what_a_listener_did_not_ask_for_is_held_back_here_as_the_emulator_sends_everything(
    emulators: Emulators,
) -> None:
    project = project_id()
    async with (
        pubsub_bus(project, emulators.pubsub) as one,
        pubsub_bus(project, emulators.pubsub) as other,
        one.listen("poke", only={"owner": "w1"}) as hears,
    ):
        for owner in ("w2", "w1", "w3", "w1"):
            await other.publish("poke", owner.encode(), {"owner": owner})
        assert [(await next_of(hears)).body for _ in range(2)] == [b"w1", b"w1"]


async def test_listeners_of_a_process_share_a_subscription_that_goes_with_the_last(emulators: Emulators) -> None:
    calls = Calls()
    async with pubsub_bus(project_id(), emulators.pubsub, calls=calls) as bus:
        async with bus.listen("events"), bus.listen("events"):
            async with bus.listen("events"):
                pass
            (name,) = {request.name for request in calls.of("CreateSubscription")}
            assert await exists(bus._rpc, name)
        assert not await exists(bus._rpc, name)
        async with bus.listen("events"):
            pass
        assert len({request.name for request in calls.of("CreateSubscription")}) == 2


async def test_closing_a_bus_removes_the_subscriptions_of_its_listeners(emulators: Emulators) -> None:
    calls, project = Calls(), project_id()
    async with (
        pubsub_bus(project, emulators.pubsub) as looks,
        pubsub_bus(project, emulators.pubsub, calls=calls) as bus,
        bus.listen("events"),
        bus.listen("poke"),
    ):
        await bus.close()
        names = {request.name for request in calls.of("CreateSubscription")}
        assert len(names) == 2
        assert not any([await exists(looks._rpc, name) for name in names])


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_subscription_that_vanished_is_replaced(emulators: Emulators, *, streaming: bool) -> None:
    calls, project = Calls(), project_id()
    async with (
        pubsub_bus(project, emulators.pubsub, streaming=streaming, calls=calls) as bus,
        pubsub_bus(project, emulators.pubsub) as other,
        bus.listen("events") as listener,
    ):
        created = calls.of("CreateSubscription")[-1].name
        await other._rpc.delete_subscription(created.rsplit("/", 1)[1], timeout=5)
        await calls.until(1, "CreateSubscription", lambda request: request.name != created and "listen" in request.name)
        heard = asyncio.ensure_future(next_of(listener))
        while not heard.done():  # it may not be quite there yet
            await other.publish("events", b"m")
            await asyncio.wait((heard,), timeout=0.1)
        assert heard.result().body == b"m"


async def test_a_listener_that_gives_up_while_it_is_opened_leaves_nothing_behind(emulators: Emulators) -> None:
    async with pubsub_bus(project_id(), emulators.pubsub) as bus:
        opening = asyncio.ensure_future(bus.listen("events").__aenter__())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait((opening,))
        assert not bus._feeds._feeds


async def exists(rpc: Rpc, path: str) -> bool:
    try:
        await rpc.get_subscription(path.rsplit("/", 1)[1])
    except AioRpcError as error:
        return error.code() is not StatusCode.NOT_FOUND
    return True
