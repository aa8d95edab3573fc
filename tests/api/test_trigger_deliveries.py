"""What triggers did with events, and what can be done about it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.domain.ids import TenantId
from engine.storage.repositories.deliveries import decoded_received
from engine.usecases.caller import Caller, Role
from engine.usecases.triggers.receiving import route
from engine.usecases.triggers.scheduling import fire
from tests.api.client import Api
from tests.api.definitions import sums
from tests.api.test_batches import completed
from tests.api.triggering import FROM_DATA, delivered, on_events, triggered

SHARDS = [f"{number:02d}" for number in range(16)]
DELIVERIES = """query($outcome: [DeliveryOutcome!], $first: Int, $after: String) { trigger(name: "orders") {
    deliveries(outcome: $outcome, first: $first, after: $after) {
      totalCount nodes { id at eventId outcome event failure { code details retryable } execution { id input trigger { name } } }
      pageInfo { hasNextPage endCursor }
    }
    stats { received started filtered duplicates throttled failed } lastFiredAt
} }"""


async def orders(api: Api, **more: Any) -> None:
    await api.create(sums())
    await triggered(api, "orders", on_events("order.*"), inputMapping=FROM_DATA, **more)


async def routed(api: Api) -> None:
    """What was published has reached its triggers."""
    services = api.runtime.services
    for received in await services.deliveries.due("inbox", SHARDS, services.clock(), limit=100):
        await route(services, decoded_received(received))


async def publish(api: Api, **event: Any) -> dict[str, Any]:
    given = {"event": {"source": "/shop", "type": "order.paid", **event}}
    payload = await api.mutate("publishEvent", given, "eventId")
    await routed(api)
    return payload


async def test_a_published_event_starts_an_execution_that_names_its_trigger(api: Api) -> None:
    await orders(api)
    payload = await publish(api, id="1", data={"n": 41}, extensions={"partitionkey": "a"})
    assert payload == {"eventId": "1", "errors": []}
    await publish(api, type="invoice.paid", data={"n": 1})
    (delivery,) = (await api.data(DELIVERIES))["trigger"]["deliveries"]["nodes"]
    assert (delivery["eventId"], delivery["outcome"], delivery["failure"]) == ("1", "STARTED", None)
    assert delivery["execution"]["trigger"] == {"name": "orders"}
    assert delivery["execution"]["input"] == {"n": 41, "unit": "kg"}
    event = delivery["event"]
    assert (event["source"], event["data"], event["partitionkey"], event["subject"]) == ("/shop", {"n": 41}, "a", None)
    assert (await api.ended(delivery["execution"]["id"]))["output"] == 42
    trigger = await api.data('{ trigger(name: "orders") { id } }')
    by_trigger = "query($id: ID!) { executions(filter: {triggerId: $id}) { nodes { id } } }"
    listed = await api.data(by_trigger, id=trigger["trigger"]["id"])
    assert listed["executions"]["nodes"] == [{"id": delivery["execution"]["id"]}]


async def test_an_event_without_id_and_time_is_given_both(api: Api) -> None:
    await orders(api)
    payload = await publish(api, data={"n": 1})
    (delivery,) = (await api.data(DELIVERIES))["trigger"]["deliveries"]["nodes"]
    assert delivery["eventId"] == payload["eventId"] != ""
    assert delivery["event"]["time"] is not None


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"source": ""}, ["event", "source"]),
        ({"type": ""}, ["event", "type"]),
        ({"id": ""}, ["event", "id"]),
        ({"extensions": [1]}, ["event", "extensions"]),
        ({"extensions": 0}, ["event", "extensions"]),
        ({"extensions": {"NotLower": 1}}, ["event", "extensions", "NotLower"]),
        ({"extensions": {"id": "2"}}, ["event", "extensions", "id"]),
        ({"extensions": {"deep": {"a": 1}}}, ["event", "extensions", "deep"]),
        ({"data": "a\0"}, ["event", "data"]),
    ],
)
async def test_what_is_no_event_is_refused_with_its_place(api: Api, wrong: dict[str, Any], path: list[str]) -> None:
    payload = await publish(api, **wrong)
    assert payload["eventId"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [("VALIDATION_FAILED", path)]


async def test_an_event_that_is_too_large_is_refused(api: Api) -> None:
    (error,) = (await publish(api, data="x" * 600_000))["errors"]
    assert (error["code"], error["path"]) == ("PAYLOAD_TOO_LARGE", ["event"])


async def test_deliveries_are_paged_filtered_and_counted(api: Api) -> None:
    await orders(api, condition="event.data.n > 0", dedupKey="event.subject")
    for number, subject in enumerate("abcca"):
        await delivered(api, "orders", {"n": number}, subject=subject)
    await delivered(api, "orders", {"n": 9, "unit": 7}, subject="z")
    first = (await api.data(DELIVERIES, first=4))["trigger"]
    page = first["deliveries"]
    assert [node["outcome"] for node in page["nodes"]] == ["STARTED", "STARTED", "DUPLICATE", "STARTED"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (6, True)
    rest = (await api.data(DELIVERIES, after=page["pageInfo"]["endCursor"]))["trigger"]["deliveries"]
    assert [node["outcome"] for node in rest["nodes"]] == ["STARTED", "FILTERED"]
    assert first["lastFiredAt"] == page["nodes"][0]["at"]
    assert first["stats"] == {
        "received": 6, "started": 4, "filtered": 1, "duplicates": 1, "throttled": 0, "failed": 0,
    }  # fmt: skip
    chosen = (await api.data(DELIVERIES, outcome=["FILTERED", "DUPLICATE"]))["trigger"]["deliveries"]
    assert chosen["totalCount"] == len(chosen["nodes"]) == 2
    assert (await api.data(DELIVERIES, outcome=[]))["trigger"]["deliveries"]["totalCount"] == 0


async def test_an_input_that_does_not_fit_is_a_failure_with_its_place_and_can_be_replayed(api: Api) -> None:
    await orders(api)
    delivery = await delivered(api, "orders", {"n": "many"})
    (shown,) = (await api.data(DELIVERIES, outcome=["FAILED"]))["trigger"]["deliveries"]["nodes"]
    assert (shown["failure"]["code"], shown["failure"]["retryable"]) == ("validation_failed", False)
    assert [problem["path"] for problem in shown["failure"]["details"]["problems"]] == [["input", "n"]]
    assert shown["execution"] is None
    refused = await api.mutate("replayDelivery", {"id": delivery.id}, "execution { id }")
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [("VALIDATION_FAILED", ["input", "n"])]
    await api.mutate("updateTrigger", {"name": "orders", "inputMapping": {"n": 1}}, "trigger { id }")
    replayed = await api.mutate("replayDelivery", {"id": delivery.id}, "execution { id trigger { name } }")
    assert replayed["errors"] == []
    query = "query($id: ID!) { node(id: $id) { ... on TriggerDelivery { outcome failure { code } execution { id } } } }"
    assert (await api.data(query, id=delivery.id))["node"] == {
        "outcome": "STARTED", "failure": None, "execution": {"id": replayed["execution"]["id"]},
    }  # fmt: skip


@pytest.mark.parametrize("unknown", ["de_nothing", "de_a/b", "", "de_" + "x" * 300])
async def test_an_unknown_delivery_cannot_be_replayed_or_read(api: Api, unknown: str) -> None:
    payload = await api.mutate("replayDelivery", {"id": unknown}, "execution { id }")
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [("NOT_FOUND", ["id"])]
    assert await api.data("query($id: ID!) { node(id: $id) { id } }", id=unknown) == {"node": None}


async def test_a_delivery_outlives_its_trigger_but_cannot_be_replayed_then(api: Api) -> None:
    await orders(api)
    delivery = await delivered(api, "orders", {"n": 1})
    await api.mutate("deleteTrigger", {"name": "orders"}, "deletedId")
    payload = await api.mutate("replayDelivery", {"id": delivery.id}, "execution { id }")
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [("INVALID_STATE", ["id"])]
    query = "query($id: ID!) { node(id: $id) { ... on TriggerDelivery { execution { id trigger { id } } } } }"
    found = (await api.data(query, id=delivery.id))["node"]["execution"]
    assert found == {"id": delivery.execution_id, "trigger": None}


async def test_a_trigger_is_fired_by_hand_whatever_it_waits_for_and_once_for_each_key(api: Api) -> None:
    await orders(api, condition="false")
    await api.mutate("pauseTrigger", {"name": "orders"})
    given = {"name": "orders", "data": {"n": 1}, "idempotencyKey": "k"}
    first = await api.mutate("fireTrigger", given, "execution { id input trigger { name } }")
    assert first["execution"]["input"] == {"n": 1, "unit": "kg"}
    assert first["execution"]["trigger"] == {"name": "orders"}
    assert await api.mutate("fireTrigger", given, "execution { id input trigger { name } }") == first
    other = await api.mutate("fireTrigger", given | {"data": {"n": 2}}, "execution { id }")
    assert other["errors"][0]["code"] == "IDEMPOTENCY_MISMATCH"
    wrong = await api.mutate("fireTrigger", {"name": "orders", "data": {"n": "x"}}, "execution { id }")
    assert [(error["code"], error["path"]) for error in wrong["errors"]] == [("VALIDATION_FAILED", ["input", "n"])]


async def test_a_schedule_shows_when_it_fired_last(api: Api) -> None:
    await api.create(sums())
    daily = {"schedule": {"cron": "@daily"}}
    made = await triggered(api, "daily", daily, inputMapping={"n": 1}, fields="id lastFiredAt nextFireAt")
    assert made["lastFiredAt"] is None
    due = datetime.fromisoformat(made["nextFireAt"])
    services = replace(api.runtime.services, clock=lambda: due)
    stored = await services.triggers.schedule("local", made["id"])
    assert stored
    assert await fire(services, stored)
    query = '{ trigger(name: "daily") { lastFiredAt nextFireAt deliveries { nodes { outcome event } } } }'
    trigger = (await api.data(query))["trigger"]
    assert trigger["lastFiredAt"] == made["nextFireAt"] < trigger["nextFireAt"]
    (delivery,) = trigger["deliveries"]["nodes"]
    assert delivery["outcome"] == "STARTED"
    assert datetime.fromisoformat(delivery["event"]["time"]) == due


async def test_the_past_of_a_schedule_is_made_up_for_as_a_batch(api: Api) -> None:
    await api.create(sums())
    await triggered(api, "daily", {"schedule": {"cron": "0 3 * * *"}}, inputMapping={"n": 1})
    given = {"name": "daily", "from": "2020-01-01T03:00:00Z", "to": "2020-01-04T03:00:00Z", "idempotencyKey": "k"}
    payload = await api.mutate("backfillTrigger", given, "batch { id action total }")
    assert payload["batch"]["total"] == 3, "the end does not count"
    assert (await completed(api, payload["batch"]["id"]))["succeeded"] == 3
    assert await api.mutate("backfillTrigger", given, "batch { id action total }") == payload


@pytest.mark.parametrize(
    ("wrong", "code", "path"),
    [
        ({"name": "nothing"}, "NOT_FOUND", ["name"]),
        ({"name": "orders"}, "VALIDATION_FAILED", ["name"]),
        ({"to": "2019-01-01T00:00:00Z"}, "VALIDATION_FAILED", ["to"]),
        ({"to": "2100-01-01T00:00:00Z"}, "VALIDATION_FAILED", ["to"]),
        ({"to": "2024-01-01T00:00:00Z"}, "LIMIT_EXCEEDED", ["to"]),
        ({"to": "2020-01-01T02:00:00Z"}, "VALIDATION_FAILED", ["from"]),
    ],
)
async def test_a_range_that_cannot_be_made_up_for_is_refused(
    api: Api, wrong: dict[str, Any], code: str, path: list[str]
) -> None:
    await orders(api)
    await triggered(api, "daily", {"schedule": {"cron": "0 3 * * *"}}, inputMapping={"n": 1})
    given = {"name": "daily", "from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z", **wrong}
    payload = await api.mutate("backfillTrigger", given, "batch { id }")
    assert (payload["batch"], [(error["code"], error["path"]) for error in payload["errors"]]) == (None, [(code, path)])


async def test_another_tenant_neither_sees_deliveries_nor_gets_events(api: Api) -> None:
    await orders(api)
    delivery = await delivered(api, "orders", {"n": 1})
    api.runtime.caller = Caller(tenant=TenantId("globex"), principal="bob", role=Role.ADMIN)
    assert await api.data("query($id: ID!) { node(id: $id) { id } }", id=delivery.id) == {"node": None}
    payload = await api.mutate("replayDelivery", {"id": delivery.id}, "execution { id }")
    assert payload["errors"][0]["code"] == "NOT_FOUND"
    assert (await publish(api, data={"n": 2}))["errors"] == []
    services = api.runtime.services
    stored = await services.triggers.by_name("local", "orders")
    assert stored
    assert await services.deliveries.count("local", stored.trigger.id, None) == 1
    assert delivery.at <= datetime.now(UTC)
