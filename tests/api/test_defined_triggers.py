"""Triggers that stand in the definitions of workflows."""

from typing import Any

from tests.api.client import Api
from tests.api.definitions import sums
from tests.api.triggering import on_events, triggered

HOURLY = {"name": "hourly", "schedule": {"cron": "0 * * * *"}, "input_mapping": {"n": 1}}
PAID = {"event": {"types": ["shop.paid"]}, "condition": "event.data.n > 1"}


def with_triggers(*triggers: dict[str, Any], name: str = "sums") -> dict[str, Any]:
    return {**sums(name), "triggers": list(triggers)}


async def update(api: Api, definition: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"name": definition["name"], "definition": definition, **more}
    return await api.mutate("updateWorkflow", given, "workflow { latestVersion { number } }")


async def names(api: Api) -> set[str]:
    found = (await api.data("{ triggers(first: 100) { nodes { name } } }"))["triggers"]["nodes"]
    return {each["name"] for each in found}


async def shown(api: Api, name: str, fields: str) -> Any:
    return (await api.data(f"query($name: String!) {{ trigger(name: $name) {{ {fields} }} }}", name=name))["trigger"]


async def defined_by(api: Api, name: str) -> str | None:
    stored = await api.runtime.services.triggers.by_name("local", name)
    assert stored is not None
    return stored.trigger.defined_by


async def test_a_workflow_is_created_with_its_triggers(api: Api) -> None:
    await api.create(with_triggers(HOURLY, PAID))
    assert await names(api) == {"hourly", "sums-1"}
    made = await shown(api, "sums-1", "kind condition config workflow { name }")
    assert made == {
        "kind": "EVENT",
        "condition": "event.data.n > 1",
        "config": {"event": {"types": ["shop.paid"]}},
        "workflow": {"name": "sums"},
    }
    assert (await shown(api, "hourly", "nextFireAt"))["nextFireAt"] is not None
    assert await defined_by(api, "hourly") == "sums@1"


async def test_a_new_version_changes_adds_and_deletes_its_triggers_and_no_others(api: Api) -> None:
    await api.create(with_triggers(HOURLY, PAID))
    before = await shown(api, "hourly", "id")
    await triggered(api, "by-hand", on_events("a"))
    await api.mutate("pauseTrigger", {"name": "hourly"}, "trigger { id }")
    daily = {**HOURLY, "schedule": {"cron": "0 0 * * *"}}
    payload = await update(api, with_triggers(daily, {"name": "hook", "webhook": {}}))
    assert payload["errors"] == []
    assert await names(api) == {"hourly", "hook", "by-hand"}
    after = await shown(api, "hourly", "id status config")
    assert (after["id"], after["status"]) == (before["id"], "PAUSED")
    assert after["config"]["schedule"]["cron"] == "0 0 * * *"
    assert await defined_by(api, "hourly") == "sums@2"
    assert await defined_by(api, "by-hand") is None


async def test_a_version_that_is_not_activated_leaves_the_triggers_until_it_is(api: Api) -> None:
    await api.create(with_triggers(HOURLY))
    assert (await update(api, with_triggers(PAID), activate=False))["errors"] == []
    assert await names(api) == {"hourly"}
    activate = {"name": "sums", "version": 2}
    assert (await api.mutate("activateWorkflow", activate, "workflow { id }"))["errors"] == []
    assert await names(api) == {"sums-0"}
    assert (await api.mutate("activateWorkflow", {**activate, "version": 1}, "workflow { id }"))["errors"] == []
    assert await names(api) == {"hourly"}
    refused = await api.mutate("activateWorkflow", {**activate, "version": 9}, "workflow { id }")
    assert [error["code"] for error in refused["errors"]] == ["NOT_FOUND"]


async def test_the_same_definition_again_brings_back_what_is_missing(api: Api) -> None:
    await api.create(with_triggers(HOURLY, PAID))
    await api.mutate("deleteTrigger", {"name": "hourly"}, "deletedId")
    payload = await update(api, with_triggers(HOURLY, PAID))
    assert payload["workflow"]["latestVersion"]["number"] == 1
    assert await names(api) == {"hourly", "sums-1"}


async def test_a_source_of_another_kind_makes_another_trigger(api: Api) -> None:
    await api.create(with_triggers(HOURLY))
    before = await shown(api, "hourly", "id")
    await update(api, with_triggers({"name": "hourly", "webhook": {}}))
    after = await shown(api, "hourly", "id kind")
    assert after["kind"] == "WEBHOOK"
    assert after["id"] != before["id"]


async def test_a_name_that_another_trigger_has_is_refused_and_nothing_is_changed(api: Api) -> None:
    await api.create(sums())
    await triggered(api, "hourly", on_events("a"))
    refused = await api.mutate("createWorkflow", {"definition": with_triggers(HOURLY, name="other")}, "workflow { id }")
    assert [(e["code"], e["path"]) for e in refused["errors"]] == [
        ("VALIDATION_FAILED", ["definition", "triggers", "0", "name"])
    ]
    assert (await api.data('{ workflow(name: "other") { id } }'))["workflow"] is None
    refused = await update(api, with_triggers(PAID, HOURLY))
    assert [e["path"] for e in refused["errors"]] == [["definition", "triggers", "1", "name"]]
    assert await names(api) == {"hourly"}


async def test_a_name_of_a_workflow_that_is_taken_is_said_before_those_of_its_triggers(api: Api) -> None:
    await api.create(with_triggers(HOURLY))
    refused = await api.mutate("createWorkflow", {"definition": with_triggers(HOURLY)}, "workflow { id }")
    assert [(e["code"], e["path"]) for e in refused["errors"]] == [("ALREADY_EXISTS", ["definition", "name"])]


async def test_a_schedule_that_is_over_is_refused(api: Api) -> None:
    over = {**HOURLY, "schedule": {"cron": "0 * * * *", "end_at": "2001-01-01T00:00:00Z"}}
    refused = await api.mutate("createWorkflow", {"definition": with_triggers(over)}, "workflow { id }")
    assert [e["path"] for e in refused["errors"]] == [["definition", "triggers", "0", "schedule", "end_at"]]


async def test_what_is_wrong_with_a_trigger_is_wrong_with_the_definition(api: Api) -> None:
    bad = with_triggers({"schedule": {"cron": "0 0 31 2 *"}})
    report = await api.data("query($d: JSON!) { validateWorkflow(definition: $d) { problems { path } } }", d=bad)
    assert [each["path"] for each in report["validateWorkflow"]["problems"]] == [
        ["definition", "triggers", "0", "schedule", "cron"]
    ]


async def test_archiving_a_workflow_leaves_its_triggers(api: Api) -> None:
    await api.create(with_triggers(HOURLY))
    await api.mutate("archiveWorkflow", {"name": "sums"}, "workflow { id }")
    assert (await shown(api, "hourly", "status"))["status"] == "ENABLED"


async def test_a_workflow_is_deleted_with_its_own_triggers_and_not_while_it_has_others(api: Api) -> None:
    await api.create(with_triggers(HOURLY, PAID))
    await triggered(api, "other", on_events("shop.sent"))
    refused = await api.mutate("deleteWorkflow", {"name": "sums"}, "deletedId")
    assert [error["code"] for error in refused["errors"]] == ["INVALID_STATE"]
    assert await names(api) == {"hourly", "sums-1", "other"}
    assert (await api.mutate("deleteTrigger", {"name": "other"}, "deletedId"))["errors"] == []
    assert (await api.mutate("deleteWorkflow", {"name": "sums"}, "deletedId"))["errors"] == []
    assert await names(api) == set()
