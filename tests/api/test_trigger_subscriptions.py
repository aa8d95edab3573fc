"""What triggers do, live."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from gql.transport.exceptions import TransportQueryError

from engine.domain.triggers.delivery import Delivery
from tests.api.client import Api
from tests.api.definitions import sums
from tests.api.serving import served
from tests.api.tenants import UNKNOWN, Tenants
from tests.api.test_subscriptions import events
from tests.api.triggering import FROM_DATA, delivered, on_events, triggered
from tests.patience import PATIENCE_SECONDS

WATCH = (
    "subscription($name: String!) { triggerDeliveries(name: $name) { id outcome execution { id workflow { name } } } }"
)


@pytest.fixture
async def address(api: Api) -> AsyncIterator[str]:
    async with served(api.app) as address:
        yield address


async def watching(address: str, into: list[dict[str, Any]], name: str = "orders") -> None:
    async for result in events(address, WATCH, name=name):
        into += [result["triggerDeliveries"]]


async def until_seen(api: Api, seen: list[dict[str, Any]]) -> Delivery:
    """A subscription does not say when it begins, so there are events until it shows one. The newest."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            delivery = await delivered(api, "orders", {"n": 1})
            for _ in range(20):
                if any(each["id"] == delivery.id for each in seen):
                    return delivery
                await asyncio.sleep(0.005)


async def test_deliveries_come_live_and_end_with_their_trigger(api: Api, address: str) -> None:
    await api.create(sums())
    await triggered(api, "orders", on_events("order.*"), inputMapping=FROM_DATA)
    await triggered(api, "others", on_events("order.*"), inputMapping=FROM_DATA)
    before = await delivered(api, "orders", {"n": 1})
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(watching(address, seen))
        delivery = await until_seen(api, seen)
        assert seen[-1] == {
            "id": delivery.id,
            "outcome": "STARTED",
            "execution": {"id": delivery.execution_id, "workflow": {"name": "sums"}},
        }
        other = await delivered(api, "others", {"n": 1})
        failed = await delivered(api, "orders", {"n": "x"})
        while seen[-1]["outcome"] != "FAILED":
            await asyncio.sleep(0.005)
        await api.mutate("updateTrigger", {"name": "orders", "inputMapping": {"n": 1}}, "trigger { id }")
        await api.mutate("replayDelivery", {"id": failed.id}, "execution { id }")
        while (seen[-1]["id"], seen[-1]["outcome"]) != (failed.id, "STARTED"):
            await asyncio.sleep(0.005)
        await api.mutate("deleteTrigger", {"name": "orders"}, "deletedId")
    shown = [(each["id"], each["outcome"]) for each in seen]
    assert len(set(shown)) == len(shown), "each as it is once"
    assert not {before.id, other.id} & {id_ for id_, _ in shown}


async def test_a_trigger_that_does_not_exist_cannot_be_watched(address: str) -> None:
    with pytest.raises(TransportQueryError) as refusal:
        await watching(address, [], name="nothing")
    assert refusal.value.errors
    assert refusal.value.errors[0]["extensions"]["code"] == "NOT_FOUND"


@pytest.mark.usefixtures("world")
async def test_a_foreign_trigger_is_watched_as_what_never_was(tenants: Tenants) -> None:
    heard = await tenants.bob_hears(WATCH, name="orders")
    assert '"code":"NOT_FOUND"' in heard
    assert heard.replace("orders", UNKNOWN["tr"]) == await tenants.bob_hears(WATCH, name=UNKNOWN["tr"])
