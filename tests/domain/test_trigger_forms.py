"""Triggers as people write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.domain.definition_schema import definition_schema
from engine.domain.schemas import check_schema, validate
from engine.domain.triggers.form import TriggerFile, TriggerForm, form_path
from engine.domain.triggers.trigger import (
    Buffer,
    EventSource,
    OverlapPolicy,
    PubSubSource,
    ScheduleSource,
    Throttle,
    WebhookSignature,
    WebhookSource,
)
from engine.domain.validation import DefinitionLimits, validate_definition
from engine.domain.validation.triggers import form_problems
from tests.domain.step_kinds import KINDS, step, workflow

NIGHTLY = {"cron": "0 2 * * *", "timezone": "Europe/Berlin", "overlap": "buffer_one", "catch_up_window": "1h"}
FORMS: list[dict[str, Any]] = [
    {"schedule": NIGHTLY},
    {"schedule": {"every": "90s", "start_at": "2026-01-01T00:00:00Z", "end_at": "2026-02-01T00:00:00+01:00"}},
    {"pubsub": {"topic": "orders", "subscription": "ours"}},
    {"webhook": {"signature": "github", "secret": "github"}, "name": "pushes"},
    {"event": {"types": ["shop.*"]}, "condition": "event.data.total > 10", "input_mapping": {"id": "${ event.data.id }"},
     "dedup_key": "event.data.id", "dedup_window": "2h", "throttle": {"limit": 5, "per": "1m"}, "max_attempts": 3},
    {"event": {"types": ["shop.paid"]}, "input_mapping": "${ event.data }",
     "buffer": {"max_size": 10, "max_wait": "30s", "key": "event.source"}},
]  # fmt: skip


def problems(form: Any, model: type[TriggerForm] = TriggerForm, **more: Any) -> list[tuple[str, str]]:
    return [(".".join(each.path), each.message) for each in form_problems(model, form, (), name="flow-0", **more)]


def defined(*triggers: Any) -> dict[str, Any]:
    return workflow(step("a"), triggers=list(triggers))


def in_definition(*triggers: Any) -> list[tuple[str, str]]:
    found = validate_definition(defined(*triggers), KINDS, DefinitionLimits())
    return [(".".join(each.path), each.message) for each in found]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_right_is_right_everywhere(form: dict[str, Any]) -> None:
    assert problems(form) == []
    assert problems({"name": "own", **form, "workflow": "flow"}, TriggerFile) == []
    assert in_definition(form) == []
    schema = definition_schema(KINDS)
    assert check_schema(schema) == []
    assert list(validate(defined(form), schema)) == []


def test_a_form_says_what_a_trigger_does() -> None:
    nightly = TriggerForm.model_validate({"schedule": NIGHTLY}).source()
    assert nightly == ScheduleSource(
        cron="0 2 * * *",
        timezone="Europe/Berlin",
        overlap=OverlapPolicy.BUFFER_ONE,
        catch_up_window=timedelta(hours=1),
    )
    bounded = TriggerForm.model_validate(FORMS[1]).source()
    assert isinstance(bounded, ScheduleSource)
    assert bounded.end_at == datetime(2026, 1, 31, 23, tzinfo=UTC)
    assert TriggerForm.model_validate(FORMS[2]).source() == PubSubSource(topic="orders", subscription="ours")
    pushes = TriggerForm.model_validate(FORMS[3]).source()
    assert pushes == WebhookSource(signature=WebhookSignature.GITHUB, secret_name="github")
    assert TriggerForm.model_validate(FORMS[4]).rules() == {
        "source": EventSource(types=("shop.*",)),
        "condition": "event.data.total > 10",
        "input_mapping": {"id": "${ event.data.id }"},
        "dedup_key": "event.data.id",
        "dedup_window": timedelta(hours=2),
        "throttle": Throttle(limit=5, per=timedelta(minutes=1)),
        "buffer": None,
        "max_attempts": 3,
    }
    gathered = TriggerForm.model_validate(FORMS[5]).rules()
    assert gathered["buffer"] == Buffer(max_size=10, max_wait=timedelta(seconds=30), key="event.source")


@pytest.mark.parametrize(
    ("form", "path", "message"),
    [
        ({}, "", "needs a source: one of schedule, pubsub, webhook, event"),
        ({"webhook": {}, "event": {"types": ["a"]}}, "", "has one source, and not webhook and event"),
        ({"webhook": {}, "workflow": "other"}, "workflow", "is not a known field"),
        ({"webhook": {}, "inputMapping": {}}, "inputMapping", "is not a known field"),
        ({"webhook": {}, "name": "Not Good"}, "name", "must match"),
        ({"webhook": {}, "input_mapping": 1}, "input_mapping", "must be an object or text"),
        ({"webhook": {"signature": "GITHUB"}}, "webhook.signature", "must be 'none'"),
        ({"webhook": {"signature": "github"}}, "webhook.secret", "is checked by a secret"),
        ({"schedule": {"cron": "0 0 31 2 *"}}, "schedule.cron", "never fires"),
        ({"schedule": {"cron": "@daily", "catch_up_window": "soon"}}, "schedule.catch_up_window", "is not a duration"),
        ({"schedule": {"cron": "@daily", "timezone": "Europe/Berlim"}}, "schedule.timezone", "did you mean Europe/Berlin?"),
        ({"schedule": {"cron": "@daily", "start_at": "2026-01-01"}}, "schedule.start_at", "a time needs its offset"),
        ({"schedule": {"cron": "@daily", "start_at": 5}}, "schedule.start_at", "is not a time"),
        ({"schedule": {"cron": "@daily", "start_at": "0001-01-01T00:00:00+14:00"}}, "schedule.start_at", "outside of"),
        ({"schedule": {"cron": "@daily"}, "buffer": {"max_size": 2, "max_wait": "1s"}}, "buffer", "a schedule fires once"),
        ({"event": {"types": []}}, "event.types", "at least one type"),
        ({"event": {"types": ["*.paid"]}}, "event.types.0", "* at its end alone"),
        ({"event": {"types": ["a"]}, "condition": "event.data."}, "condition", ""),
        ({"event": {"types": ["a"]}, "condition": "input.x"}, "condition", ""),
        ({"event": {"types": ["a"]}, "input_mapping": {"dedupKey": "${ even.data }"}}, "input_mapping.dedupKey", ""),
        ({"event": {"types": ["a"]}, "dedup_window": "1h"}, "dedup_window", "a window needs a dedupKey"),
        ({"event": {"types": ["a"]}, "throttle": {"limit": 0, "per": "1m"}}, "throttle.limit", "1 to 1,000"),
        ({"event": {"types": ["a"]}, "buffer": {"max_size": 1000, "max_wait": "1m"}}, "buffer.max_size", "1 to 100"),
        ({"event": {"types": ["a"]}, "max_attempts": 0}, "max_attempts", "1 to 50"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(form: dict[str, Any], path: str, message: str) -> None:
    ((found, said),) = problems(form)
    assert (found, message in said) == (path, True), said
    ((inside, same),) = in_definition(form)
    assert (inside, same) == (".".join(("triggers", "0", *([path] if path else []))), said)


def test_a_trigger_in_a_file_of_its_own_names_itself_and_its_workflow() -> None:
    assert problems({"webhook": {}}, TriggerFile) == [("name", "is required"), ("workflow", "is required")]


def test_a_schedule_that_is_over_is_a_problem_once_it_is_known_what_time_it_is() -> None:
    over = {"schedule": {"cron": "@daily", "end_at": "2026-01-01T00:00:00Z"}}
    assert problems(over) == []
    ((path, said),) = problems(over, now=datetime(2026, 6, 1, tzinfo=UTC))
    assert (path, "nothing fires before the end" in said) == ("schedule.end_at", True)


def test_two_triggers_of_a_definition_have_two_names() -> None:
    hook = {"name": "hook", "webhook": {}}
    assert in_definition(hook, {"webhook": {}}, hook) == [("triggers.2.name", "trigger 0 has the name 'hook' already")]
    default = f"{defined()['name']}-1"
    assert in_definition({"name": default, "webhook": {}}, {"webhook": {}}) == [
        ("triggers.1.name", f"trigger 0 has the name '{default}' already")
    ]


def test_a_workflow_whose_name_leaves_no_room_asks_for_a_name() -> None:
    long = {**defined({"webhook": {}}), "name": "n" * 62}
    (problem,) = validate_definition(long, KINDS, DefinitionLimits())
    assert problem.path == ("triggers", "0", "name")


def test_a_list_of_too_many_or_of_other_things_is_refused() -> None:
    assert in_definition("hook") == [("triggers.0", "must be an object")]
    assert in_definition(*[{"webhook": {}}] * 51) == [("triggers", "must have at most 50 entries, and has more")]


def test_paths_of_the_api_lead_to_where_it_stands_in_the_form() -> None:
    form = {"input_mapping": {"maxSize": {"secretName": 1}}}
    assert form_path(("source", "schedule", "catchUpWindow"), form) == ("schedule", "catch_up_window")
    assert form_path(("source", "webhook", "secretName"), form) == ("webhook", "secret")
    assert form_path(("inputMapping", "maxSize", "secretName"), form) == ("input_mapping", "maxSize", "secretName")
    assert form_path(("buffer", "maxSize"), form) == ("buffer", "max_size")
    assert form_path(("source", "event", "types", "0"), form) == ("event", "types", "0")
