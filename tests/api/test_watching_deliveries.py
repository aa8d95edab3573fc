"""No delivery is left out where hints are lost, and none is shown twice where they come twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from engine.bus.local import LocalBus
from engine.domain.errors import NotFound, Unavailable
from engine.domain.triggers.cloud_event import CloudEvent
from engine.domain.triggers.delivery import Delivery, DeliveryOutcome
from engine.storage.repositories.deliveries import decoded_gathered
from engine.usecases.services import Services
from engine.usecases.triggers.deliver import deliver, tell, try_again
from engine.usecases.triggers.flush import flush
from engine.usecases.triggers.watching import watch_deliveries
from graphql_api.context import LOCAL_OWNER
from tests.api.client import Api
from tests.api.definitions import sums
from tests.api.triggering import FROM_DATA, delivered, on_events, triggered
from tests.patience import PATIENCE_SECONDS

OFTEN = 0.02
RARELY = 60.0
SHARDS = [f"{number:02d}" for number in range(16)]
Watched = AsyncGenerator[Delivery, None]
_O = DeliveryOutcome


@pytest.fixture
async def services(api: Api) -> Services:
    await api.create(sums())
    await triggered(api, "orders", on_events("order.*"), inputMapping=FROM_DATA)
    return api.runtime.services


def watched(services: Services, every: float) -> Watched:
    return cast("Watched", watch_deliveries(services, LOCAL_OWNER, "orders", look_every_seconds=every))


def deaf(services: Services) -> Services:
    """No hint gets here."""
    return replace(services, bus=LocalBus())


async def begun(api: Api, watching: Watched) -> Delivery:
    """Returns when the watch has begun: what it showed first."""
    first = asyncio.ensure_future(anext(watching))
    while not first.done():
        await delivered(api, "orders", {"n": 1})
        await asyncio.wait([first], timeout=0.05)
    return first.result()


async def shown(watching: Watched, wanted: Delivery) -> Delivery:
    """The next time that this delivery comes."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for delivery in watching:
            if delivery.id == wanted.id:
                return delivery
    raise AssertionError("the watch ended")


async def deliver_at(services: Services, time: datetime, n: int) -> Delivery:
    """By a process with a clock of its own."""
    other = replace(services, clock=lambda: time)
    stored = await services.triggers.by_name("local", "orders")
    assert stored
    event = CloudEvent(id=services.mint("ev"), source="/test", type="order.paid", data={"n": n})
    return await deliver(other, stored, event, via="x")


async def test_what_no_hint_tells_of_is_found_in_the_store(api: Api, services: Services) -> None:
    async with aclosing(watched(deaf(services), OFTEN)) as watching:
        await begun(api, watching)
        for n in range(3):
            delivery = await delivered(api, "orders", {"n": n})
            assert await shown(watching, delivery) == delivery


async def test_a_retry_that_no_hint_tells_of_is_found_too(api: Api, services: Services) -> None:
    async with aclosing(watched(deaf(services), OFTEN)) as watching:
        await begun(api, watching)
        await api.mutate("archiveWorkflow", {"name": "sums"})
        failed = await delivered(api, "orders", {"n": 1})
        assert failed.due_at is not None
        assert (await shown(watching, failed)).outcome is _O.FAILED
        await api.mutate("activateWorkflow", {"name": "sums", "version": 1})
        stored = await services.triggers.by_name("local", "orders")
        kept = await services.deliveries.get("local", failed.id)
        assert stored
        assert kept
        started = await try_again(services, stored, kept)
        assert await shown(watching, failed) == started
        assert started.outcome is _O.STARTED


async def test_what_was_gathered_comes_again_when_it_starts(api: Api, services: Services) -> None:
    await api.mutate(
        "updateTrigger", {"name": "orders", "buffer": {"maxSize": 9, "maxWait": "PT1H"}, "inputMapping": {"n": 1}}
    )
    async with aclosing(watched(deaf(services), OFTEN)) as watching:
        first = await begun(api, watching)
        assert first.outcome is _O.BUFFERED
        stored = await services.triggers.by_name("local", "orders")
        assert stored
        later = services.clock() + timedelta(hours=2)
        for document in await services.deliveries.due("buffers", SHARDS, later, limit=10):
            gathered = await services.deliveries.gathered("local", decoded_gathered(document).gathered.id)
            assert gathered
            await flush(services, stored, gathered)
        assert (await shown(watching, first)).outcome is _O.STARTED


async def test_a_delivery_by_a_clock_that_is_behind_is_not_left_out(api: Api, services: Services) -> None:
    async with aclosing(watched(deaf(services), OFTEN)) as watching:
        await begun(api, watching)
        late = await deliver_at(services, services.clock() - timedelta(seconds=5), 1)
        assert await shown(watching, late) == late


async def test_what_was_decided_before_is_not_shown(api: Api, services: Services) -> None:
    before = {(await delivered(api, "orders", {"n": n})).id for n in range(3)}
    async with aclosing(watched(deaf(services), OFTEN)) as watching:
        seen = [await begun(api, watching)]
        last = await delivered(api, "orders", {"n": 1})
        while seen[-1].id != last.id:
            seen.append(await anext(watching))
    assert not before & {delivery.id for delivery in seen}


async def test_a_hint_that_comes_again_shows_nothing_again(api: Api, services: Services) -> None:
    async with aclosing(watched(services, RARELY)) as watching:
        seen = [await begun(api, watching)]
        for n in range(3):
            delivery = await delivered(api, "orders", {"n": n})
            for _ in range(3):
                tell(services, delivery)
        while seen[-1].id != delivery.id:
            seen.append(await anext(watching))
        last = await delivered(api, "orders", {"n": 9})
        seen.append(await anext(watching))
    assert seen[-1].id == last.id
    assert len({delivery.id for delivery in seen}) == len(seen)


async def test_a_watch_ends_with_its_trigger_after_what_it_did(api: Api, services: Services) -> None:
    async with aclosing(watched(deaf(services), OFTEN)) as watching:
        await begun(api, watching)
        last = await delivered(api, "orders", {"n": 1})
        await api.mutate("deleteTrigger", {"name": "orders"})
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert last.id in {delivery.id async for delivery in watching}


async def test_there_is_nothing_to_watch_without_a_trigger_or_a_bus(services: Services) -> None:
    with pytest.raises(NotFound):
        await anext(cast("Watched", watch_deliveries(services, LOCAL_OWNER, "nothing")))
    bus = LocalBus()
    watching = watched(replace(services, bus=bus), RARELY)
    waiting = asyncio.ensure_future(anext(watching))
    await asyncio.sleep(0.05)
    await bus.close()
    with pytest.raises(Unavailable):
        await waiting
