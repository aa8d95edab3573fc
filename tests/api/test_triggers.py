"""Triggers as a client makes, changes, reads and deletes them."""

from typing import Any

import pytest

from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from graphql_api.context import LOCAL_OWNER
from tests.api.client import Api
from tests.api.definitions import asks, sums
from tests.api.roles import as_role
from tests.api.triggering import FROM_DATA, on_events, triggered

HOURLY = {"schedule": {"cron": "0 * * * *"}}
HOOK = {"webhook": {"signature": "GITHUB", "secretName": "github"}}
SUMMARY = (
    "name kind status condition config pausedBecause nextFireAt lastFiredAt webhookUrl workflow { name } createdAt"
)


async def problems(api: Api, mutation: str, given: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    payload = await api.mutate(mutation, given, "trigger { id }")
    assert payload["trigger"] is None
    return [(error["code"], error["path"]) for error in payload["errors"]]


async def read(api: Api, name: str, fields: str) -> Any:
    return (await api.data(f"query($name: String!) {{ trigger(name: $name) {{ {fields} }} }}", name=name))["trigger"]


@pytest.mark.parametrize(
    ("source", "kind", "config"),
    [
        (on_events("order.*"), "EVENT", {"event": {"types": ["order.*"]}}),
        (
            {"pubsub": {"topic": "orders", "subscription": "ours"}},
            "PUBSUB",
            {"pubsub": {"topic": "orders", "subscription": "ours"}},
        ),
        (HOOK, "WEBHOOK", HOOK),
        (
            {"schedule": {"every": "90s", "startAt": "2100-01-01T01:00:00+01:00", "pauseOnFailure": None}},
            "SCHEDULE",
            {
                "schedule": {
                    "every": "PT1M30S",
                    "timezone": "UTC",
                    "overlap": "SKIP",
                    "startAt": "2100-01-01T00:00:00.000000Z",
                    "pauseOnFailure": False,
                }
            },
        ),
    ],
)
async def test_a_trigger_is_shown_as_it_was_made(
    api: Api, source: dict[str, Any], kind: str, config: dict[str, Any]
) -> None:
    await api.create(sums())
    made = await triggered(api, "new", source, fields=SUMMARY, condition="event.data.n > 1")
    assert (made["kind"], made["status"], made["condition"]) == (kind, "ENABLED", "event.data.n > 1")
    assert made["workflow"] == {"name": "sums"}
    assert made["config"] == config
    assert (made["nextFireAt"] is not None) == (kind == "SCHEDULE")
    assert (made["webhookUrl"] is not None) == (kind == "WEBHOOK")
    assert await read(api, "new", SUMMARY) == made


async def test_what_config_shows_makes_the_same_trigger_again(api: Api) -> None:
    await api.create(sums())
    given = {"cron": "0 3 * * *", "timezone": "Europe/Berlin", "jitter": "PT1M", "endAt": "2100-01-01T00:00:00Z"}
    first = await triggered(api, "first", {"schedule": given}, fields="config")
    assert (await triggered(api, "second", first["config"], fields="config"))["config"] == first["config"]


async def test_a_name_is_taken_once(api: Api) -> None:
    await api.create(sums())
    first = await triggered(api, "new", HOURLY)
    payload = await api.mutate("createTrigger", {"name": "new", "workflow": "sums", "source": HOURLY}, "trigger { id }")
    (error,) = payload["errors"]
    assert (error["code"], error["path"], error["existingId"]) == ("ALREADY_EXISTS", ["name"], first["id"])


@pytest.mark.parametrize(
    ("wrong", "code", "path"),
    [
        ({"workflow": "nothing"}, "NOT_FOUND", ["workflow"]),
        ({"name": "Not A Name"}, "VALIDATION_FAILED", ["name"]),
        ({"condition": "event.data.n >"}, "VALIDATION_FAILED", ["condition"]),
        ({"condition": "evnt.data.n > 1"}, "VALIDATION_FAILED", ["condition"]),
        ({"inputMapping": {"a": {"n": "${ nope }"}}}, "VALIDATION_FAILED", ["inputMapping", "a", "n"]),
        ({"dedupWindow": "PT1H"}, "VALIDATION_FAILED", ["dedupWindow"]),
        ({"dedupKey": "event.("}, "VALIDATION_FAILED", ["dedupKey"]),
        ({"throttle": {"limit": 0, "per": "PT1S"}}, "VALIDATION_FAILED", ["throttle", "limit"]),
        ({"buffer": {"maxSize": 101, "maxWait": "PT1S"}}, "VALIDATION_FAILED", ["buffer", "maxSize"]),
        ({"maxAttempts": 0}, "VALIDATION_FAILED", ["maxAttempts"]),
        ({"source": on_events()}, "VALIDATION_FAILED", ["source", "event", "types"]),
        ({"source": on_events("ok", "a*b")}, "VALIDATION_FAILED", ["source", "event", "types", "1"]),
        ({"source": {"webhook": {"signature": "STRIPE"}}}, "VALIDATION_FAILED", ["source", "webhook", "secretName"]),
        ({"source": {"pubsub": {"topic": "weft.wake"}}}, "VALIDATION_FAILED", ["source", "pubsub", "topic"]),
    ],
)
async def test_what_is_wrong_with_a_trigger_is_told_with_its_place(
    api: Api, wrong: dict[str, Any], code: str, path: list[str]
) -> None:
    await api.create(sums())
    given = {"name": "new", "workflow": "sums", "source": on_events("order.*"), **wrong}
    assert await problems(api, "createTrigger", given) == [(code, path)]
    assert await read(api, "new", "id") is None


@pytest.mark.parametrize(
    ("schedule", "path"),
    [
        ({"cron": "0 0 31 2 *"}, "cron"),
        ({"cron": "every now and then"}, "cron"),
        ({}, "cron"),
        ({"cron": "@daily", "every": "PT1H"}, "every"),
        ({"cron": "@daily", "timezone": "Mars/Olympus"}, "timezone"),
        ({"cron": "@daily", "startAt": "2100-01-02T00:00:00Z", "endAt": "2100-01-01T00:00:00Z"}, "endAt"),
        ({"cron": "@daily", "endAt": "2020-01-01T00:00:00Z"}, "endAt"),
        ({"every": "PT1M", "jitter": "PT1H"}, "jitter"),
    ],
)
async def test_a_schedule_that_cannot_be_is_refused_when_it_is_made(
    api: Api, schedule: dict[str, Any], path: str
) -> None:
    await api.create(sums())
    given = {"name": "new", "workflow": "sums", "source": {"schedule": schedule}}
    assert await problems(api, "createTrigger", given) == [("VALIDATION_FAILED", ["source", "schedule", path])]


async def test_everything_that_is_wrong_is_told_at_once(api: Api) -> None:
    await api.create(sums())
    given = {"name": "N", "workflow": "sums", "source": {"schedule": {"cron": "x"}}, "condition": "1 +"}
    assert [path for _, path in await problems(api, "createTrigger", given)] == [
        ["name"], ["source", "schedule", "cron"], ["condition"],
    ]  # fmt: skip


@pytest.mark.parametrize("source", [{}, {**HOURLY, **HOOK}, {"schedule": None}, {**HOURLY, "webhook": None}])
async def test_a_source_is_exactly_one(api: Api, source: dict[str, Any]) -> None:
    await api.create(sums())
    query = "mutation($input: CreateTriggerInput!) { createTrigger(input: $input) { errors { code } } }"
    error = await api.error(query, input={"name": "new", "workflow": "sums", "source": source})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_update_changes_what_it_names_and_takes_away_what_is_null(api: Api) -> None:
    await api.create(sums())
    key = {"dedupKey": "event.id", "dedupWindow": "PT1H"}
    await triggered(api, "new", on_events("a"), condition="true", inputMapping=FROM_DATA, **key)
    stored = await api.runtime.services.triggers.by_name("local", "new")
    assert stored
    await api.mutate("updateTrigger", {"name": "new", "source": on_events("b")}, "trigger { id }")
    after = await api.runtime.services.triggers.by_name("local", "new")
    assert after
    kept = ("condition", "input_mapping", "dedup_key", "dedup_window", "id")
    assert [getattr(after.trigger, each) for each in kept] == [getattr(stored.trigger, each) for each in kept]
    cleared = {"condition": None, "inputMapping": None, "dedupKey": None, "dedupWindow": None, "throttle": None}
    payload = await api.mutate("updateTrigger", {"name": "new", **cleared}, "trigger { condition config }")
    assert payload == {"trigger": {"condition": None, "config": on_events("b")}, "errors": []}
    last = await api.runtime.services.triggers.by_name("local", "new")
    assert last
    assert [getattr(last.trigger, each) for each in kept[:4]] == [None] * 4


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"source": HOURLY}, "VALIDATION_FAILED", ["source"]),
        ({"source": None}, "VALIDATION_FAILED", ["source"]),
        ({"condition": "event."}, "VALIDATION_FAILED", ["condition"]),
        ({"dedupWindow": "PT1H"}, "VALIDATION_FAILED", ["dedupWindow"]),
        ({"name": "nothing"}, "NOT_FOUND", ["name"]),
    ],
)
async def test_an_update_that_cannot_be_changes_nothing(
    api: Api, change: dict[str, Any], code: str, path: list[str]
) -> None:
    await api.create(sums())
    await triggered(api, "new", on_events("a"))
    before = await read(api, "new", SUMMARY)
    assert await problems(api, "updateTrigger", {"name": "new", **change}) == [(code, path)]
    assert await read(api, "new", SUMMARY) == before


async def test_a_paused_schedule_shows_no_next_time_and_previews_those_it_would_have(api: Api) -> None:
    await api.create(sums())
    fields = "status nextFireAt nextFireTimes(first: 3)"
    made = await triggered(api, "new", {"schedule": {"cron": "0 3 29 2 *"}}, fields=fields)
    assert made["nextFireAt"] == made["nextFireTimes"][0]
    assert [time[4:] for time in made["nextFireTimes"]] == ["-02-29T03:00:00.000000Z"] * 3
    paused = await api.mutate("pauseTrigger", {"name": "new"}, f"trigger {{ {fields} }}")
    assert paused["trigger"] == {**made, "status": "PAUSED", "nextFireAt": None}
    resumed = await api.mutate("resumeTrigger", {"name": "new"}, f"trigger {{ {fields} }}")
    assert resumed["trigger"] == made


async def test_a_preview_has_one_to_a_hundred_times(api: Api) -> None:
    await api.create(sums())
    await triggered(api, "new", HOURLY)
    await triggered(api, "other", on_events("a"))
    assert len((await read(api, "new", "nextFireTimes"))["nextFireTimes"]) == 5
    assert (await read(api, "other", "nextFireTimes"))["nextFireTimes"] == []
    for first in (0, 101):
        error = await api.error(f'{{ trigger(name: "new") {{ nextFireTimes(first: {first}) }} }}')
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argumentPath": ["first"]}


async def test_a_webhook_has_an_address_that_can_be_changed_and_that_viewers_do_not_see(api: Api) -> None:
    await api.create(sums())
    first = (await triggered(api, "hook", HOOK, fields="webhookUrl"))["webhookUrl"]
    prefix = "http://127.0.0.1:8000/hooks/"
    assert first.startswith(prefix)
    assert len(first.removeprefix(prefix)) > 40
    second = (await api.mutate("rotateWebhook", {"name": "hook"}, "trigger { webhookUrl }"))["trigger"]["webhookUrl"]
    assert second != first
    assert await read(api, "hook", "webhookUrl") == {"webhookUrl": second}
    with as_role(api.runtime, Role.VIEWER):
        assert await read(api, "hook", "name webhookUrl") == {"name": "hook", "webhookUrl": None}
        shown = str(await read(api, "hook", SUMMARY + " stats { received } deliveries { totalCount }"))
        assert second.removeprefix(prefix) not in shown
    await triggered(api, "hourly", HOURLY)
    assert await problems(api, "rotateWebhook", {"name": "hourly"}) == [("VALIDATION_FAILED", ["name"])]


async def test_triggers_are_listed_newest_first_by_kind_and_by_workflow(api: Api) -> None:
    await api.create(sums())
    await api.create(asks())
    for number in range(3):
        await triggered(api, f"every-{number}", HOURLY)
    await triggered(api, "on-order", on_events("order.*"), workflow="asks")
    page = "{ totalCount nodes { name } pageInfo { hasNextPage endCursor } }"
    first = (await api.data(f"{{ triggers(first: 3) {page} }}"))["triggers"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    after = first["pageInfo"]["endCursor"]
    rest = (await api.data(f"query($after: String) {{ triggers(after: $after) {page} }}", after=after))["triggers"]
    names = [node["name"] for node in first["nodes"] + rest["nodes"]]
    assert names == ["on-order", "every-2", "every-1", "every-0"]
    by_kind = (await api.data(f"{{ triggers(kind: [EVENT, WEBHOOK]) {page} }}"))["triggers"]
    assert (by_kind["totalCount"], by_kind["nodes"]) == (1, [{"name": "on-order"}])
    assert (await api.data(f"{{ triggers(kind: []) {page} }}"))["triggers"]["totalCount"] == 0
    listed = await api.data(f'{{ workflow(name: "sums") {{ triggers(first: 2) {page} }} }}')
    assert [node["name"] for node in listed["workflow"]["triggers"]["nodes"]] == ["every-2", "every-1"]
    assert listed["workflow"]["triggers"]["totalCount"] == 3


async def test_a_deleted_trigger_is_gone_and_its_name_is_free(api: Api) -> None:
    await api.create(sums())
    made = await triggered(api, "new", HOURLY)
    assert await api.mutate("deleteTrigger", {"name": "new"}, "deletedId") == {"deletedId": made["id"], "errors": []}
    assert await api.data("query($id: ID!) { node(id: $id) { id } }", id=made["id"]) == {"node": None}
    again = await api.mutate("deleteTrigger", {"name": "new"}, "deletedId")
    assert [(error["code"], error["path"]) for error in again["errors"]] == [("NOT_FOUND", ["name"])]
    assert (await triggered(api, "new", HOURLY))["id"] != made["id"]


async def test_a_workflow_that_triggers_start_can_be_archived_but_not_deleted(api: Api) -> None:
    await api.create(sums())
    await triggered(api, "new", HOURLY)
    refused = await api.mutate("deleteWorkflow", {"name": "sums"}, "deletedId")
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [("INVALID_STATE", ["name"])]
    assert (await api.mutate("archiveWorkflow", {"name": "sums"}, "workflow { id }"))["errors"] == []
    assert await read(api, "new", "status workflow { status }") == {
        "status": "ENABLED", "workflow": {"status": "ARCHIVED"},
    }  # fmt: skip
    await api.mutate("deleteTrigger", {"name": "new"}, "deletedId")
    assert (await api.mutate("deleteWorkflow", {"name": "sums"}, "deletedId"))["errors"] == []


async def test_another_tenant_has_names_of_its_own_and_sees_nothing(api: Api) -> None:
    await api.create(sums())
    made = await triggered(api, "new", HOURLY)
    api.runtime.caller = Caller(tenant=TenantId("globex"), principal="bob", role=Role.ADMIN)
    assert await read(api, "new", "id") is None
    assert (await api.data("{ triggers { totalCount nodes { id } } }"))["triggers"] == {"totalCount": 0, "nodes": []}
    assert await api.data("query($id: ID!) { node(id: $id) { id } }", id=made["id"]) == {"node": None}
    assert (await api.mutate("pauseTrigger", {"name": "new"}, "trigger { id }"))["errors"][0]["code"] == "NOT_FOUND"
    api.runtime.caller = LOCAL_OWNER
    assert (await read(api, "new", "status"))["status"] == "ENABLED"


async def test_all_that_a_trigger_was_given_is_shown_and_can_be_changed(api: Api) -> None:
    fields = "inputMapping dedupKey dedupWindow maxAttempts throttle { limit per } buffer { maxSize maxWait key }"
    await api.create(sums())
    given: dict[str, Any] = {"inputMapping": FROM_DATA, "dedupKey": "event.id", "dedupWindow": "PT1H", "maxAttempts": 3}
    made = await triggered(api, "new", on_events("a"), fields=fields, **given, throttle={"limit": 2, "per": "PT1M"})
    assert made == {**given, "throttle": {"limit": 2, "per": "PT1M"}, "buffer": None}
    buffer = {"maxSize": 2, "maxWait": "PT1S", "key": None}
    changes = {"name": "new", "throttle": None, "buffer": buffer, "inputMapping": None}
    payload = await api.mutate("updateTrigger", changes, f"trigger {{ {fields} }}")
    assert payload["trigger"] == {
        **given, "inputMapping": None, "throttle": None, "buffer": buffer
    }  # fmt: skip
