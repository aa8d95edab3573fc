"""Requests that are well formed and cannot be carried out: the precise error, and nothing is changed."""

from typing import Any

import pytest

from tests.api.client import Api
from tests.api.conftest import Unchanged
from tests.api.definitions import sums
from tests.api.world import World

Case = tuple[dict[str, Any], str, list[str], str]
"""Input, and of the one error: code, path, a part of the message. `@waiting` stands for the id of that execution."""

START = {"workflow": "sums", "input": {"n": 1}}
BUDGET = "a budget is a number above zero, not "
LABEL = "a label's key has 1 to 63 characters and no `=`"
LANE = "a lane is named by lower-case letters, digits and hyphens, 63 at the most"
EDIT = {"action": "UPDATE", "stepId": "after", "definition": {"with": {"value": 1}}}
LARGE = "x" * 1024 * 1024


def edited(*edits: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "@waiting", "expectedRevision": 1, "edits": list(edits), **more}


def update(**definition: Any) -> dict[str, Any]:
    return {"action": "UPDATE", "stepId": "after", "definition": definition}


def answered(**answer: Any) -> dict[str, Any]:
    return {"executionId": "@waiting", "stepId": "approve", **answer}


UNKNOWN: list[tuple[str, Case]] = [
    ("startExecution", ({"workflow": "nowhere"}, "NOT_FOUND", ["workflow"], "there is no workflow 'nowhere'")),
    ("startExecution", ({"workflow": ""}, "NOT_FOUND", ["workflow"], "there is no workflow ''")),
    ("startExecution", ({"workflow": "a/b/c"}, "NOT_FOUND", ["workflow"], "there is no workflow 'a/b/c'")),
    ("startExecution", ({"workflow": LARGE}, "NOT_FOUND", ["workflow"], f"there is no workflow '{'x' * 80}'")),
    *[
        (name, ({where: "sums", "version": version}, "NOT_FOUND", ["version"], f"no version {version};"))
        for name, where in (("startExecution", "workflow"), ("activateWorkflow", "name"))
        for version in (0, -1, 2, 2**31 - 1)
    ],
    *[
        (name, ({"name": "nowhere", **more}, "NOT_FOUND", ["name"], "there is no workflow 'nowhere'"))
        for name, more in (
            ("archiveWorkflow", {}),
            ("deleteWorkflow", {}),
            ("activateWorkflow", {"version": 1}),
            ("updateWorkflow", {"definition": sums("nowhere")}),
        )
    ],
    *[
        (name, ({"id": given, **more}, "NOT_FOUND", ["id"], "there is no execution "))
        for name, more in (
            ("cancelExecution", {}),
            ("pauseExecution", {}),
            ("resumeExecution", {}),
            ("signalExecution", {"name": "go"}),
            ("retryExecution", {}),
            ("forkExecution", {"fromStep": "a"}),
            ("editExecution", {"expectedRevision": 1, "edits": [EDIT]}),
        )
        for given in ("ex_nothing", "", "@batch", "a/b", "../x", "x" * 5000)
    ],
    ("completeStep", (answered(executionId="ex_no"), "NOT_FOUND", ["executionId"], "there is no execution 'ex_no'")),
    *[
        ("completeStep", (answered(stepId=step, output=1), "NOT_FOUND", ["stepId"], "has no step"))
        for step in ("nothing", "", "approve[0]", "approve.x", "x" * 900)
    ],
    ("completeStep", (answered(output={"ok": True}, interruptId="int_1"), "NOT_FOUND", ["interruptId"], "'int_1'")),
    ("retryExecution", ({"id": "@failed", "fromStep": "no"}, "NOT_FOUND", ["fromStep"], "no top-level step 'no'")),
    ("forkExecution", ({"id": "@ended", "fromStep": ""}, "NOT_FOUND", ["fromStep"], "no top-level step ''")),
]  # fmt: skip

STATE: list[tuple[str, Case]] = [
    ("startExecution", (START | {"workflow": "draft"}, "INVALID_STATE", ["workflow"], "'draft' is a draft: activate it")),
    ("startExecution", (START | {"workflow": "archived"}, "INVALID_STATE", ["workflow"], "'archived' is archived")),
    ("deleteWorkflow", ({"name": "asks"}, "INVALID_STATE", ["name"], "'asks' has 2 live executions")),
    ("createWorkflow", ({"definition": sums()}, "ALREADY_EXISTS", ["definition", "name"], "there is a workflow 'sums'")),
    ("updateWorkflow", ({"name": "archived", "definition": sums("archived")}, "INVALID_STATE", ["name"], "is archived;")),
    *[
        ("updateWorkflow", (given, "CONFLICT", ["expectedVersion"], "'sums' is at version 1, not "))
        for given in (
            {"name": "sums", "definition": sums() | {"title": "x"}, "expectedVersion": version}
            for version in (0, -1, 2, 2**31 - 1)
        )
    ],
    *[
        ("editExecution", (edited(EDIT, expectedRevision=revision), "CONFLICT", ["expectedRevision"], f"1, not {revision}"))
        for revision in (0, -1, 2, 2**31 - 1)
    ],
    ("cancelExecution", ({"id": "@ended"}, "INVALID_STATE", ["id"], "is SUCCEEDED and cannot be cancelled")),
    ("pauseExecution", ({"id": "@failed"}, "INVALID_STATE", ["id"], "is FAILED and cannot be paused")),
    ("pauseExecution", ({"id": "@paused"}, "INVALID_STATE", ["id"], "is paused already")),
    ("resumeExecution", ({"id": "@waiting"}, "INVALID_STATE", ["id"], "is WAITING, not PAUSED")),
    ("signalExecution", ({"id": "@ended", "name": "go"}, "INVALID_STATE", ["id"], "is SUCCEEDED and cannot be signalled")),
    ("editExecution", (edited(EDIT) | {"id": "@ended"}, "INVALID_STATE", ["id"], "is SUCCEEDED and cannot be edited")),
    ("retryExecution", ({"id": "@ended"}, "INVALID_STATE", ["id"], "is SUCCEEDED; only a failed")),
    ("retryExecution", ({"id": "@waiting"}, "INVALID_STATE", ["id"], "is WAITING; only a failed")),
    ("completeStep", (answered(executionId="@ended", stepId="add"), "INVALID_STATE", ["executionId"], "is SUCCEEDED")),
    ("completeStep", (answered(stepId="before"), "INVALID_STATE", ["stepId"], "'before'")),
    ("completeStep", (answered(stepId="after"), "INVALID_STATE", ["stepId"], "'after'")),
]  # fmt: skip

LIMITS: list[tuple[str, Case]] = [
    *[
        ("startExecution", (START | given, "VALIDATION_FAILED", path, message))
        for given, path, message in (
            ({"lane": ""}, ["lane"], LANE),
            ({"lane": "Not a lane"}, ["lane"], LANE),
            ({"lane": "x" * 64}, ["lane"], LANE),
            ({"priority": 1001}, ["priority"], "a priority is from -1000 to 1000, not 1001"),
            ({"priority": -1001}, ["priority"], "a priority is from -1000 to 1000, not -1001"),
            ({"budget": {"maxTokens": 0}}, ["budget", "maxTokens"], BUDGET + "0"),
            ({"budget": {"maxCostUsd": -0.5}}, ["budget", "maxCostUsd"], BUDGET + "-0.5"),
            ({"budget": {"maxModelCalls": -1}}, ["budget", "maxModelCalls"], BUDGET + "-1"),
            ({"labels": []}, ["labels"], "labels are an object of texts"),
            ({"labels": {"a": 1}}, ["labels", "a"], "a label's value is a text"),
            ({"labels": {"a=b": "c"}}, ["labels", "a=b"], LABEL),
            ({"labels": {"": "c"}}, ["labels", ""], LABEL),
            ({"labels": {"k" * 64: "c"}}, ["labels", "k" * 64], LABEL),
            ({"labels": {"k": "c" * 256}}, ["labels", "k"], "a label's value has at most 255 characters"),
            ({"labels": {str(n): "" for n in range(51)}}, ["labels"], "51 labels; the limit is 50"),
            ({"idempotencyKey": ""}, ["idempotencyKey"], "an idempotency key is not empty"),
            ({"idempotencyKey": "k" * 1001}, ["idempotencyKey"], "has 1,001 characters; the limit is 1,000"),
            ({"deadline": "2020-01-01T00:00:00Z"}, ["deadline"], "the deadline is in the past"),
            ({"deadline": "0001-01-01T00:00:00Z"}, ["deadline"], "the deadline is in the past"),
            ({"input": {}}, ["input", "n"], "is required"),
            ({"input": {"n": "1"}}, ["input", "n"], "must be of type integer, and is string"),
            ({"input": {"n": 10**30}}, ["input", "n"], "the number is wider than 64 bits: send it as text"),
            ({"input": [1]}, ["input"], "the input is a JSON object"),
        )
    ],
    ("startExecution", (START | {"input": {"n": 1, "x": LARGE}}, "PAYLOAD_TOO_LARGE", ["input"], "the limit is 1,048,576")),
    ("forkExecution", ({"id": "@ended", "fromStep": "add", "input": {"n": "x"}}, "VALIDATION_FAILED", ["input", "n"], "integer")),
    ("forkExecution", ({"id": "@ended", "fromStep": "add", "input": {"x": LARGE}}, "PAYLOAD_TOO_LARGE", ["input"], "1,048,576")),
    ("signalExecution", ({"id": "@waiting", "name": ""}, "VALIDATION_FAILED", ["name"], "a signal has a name")),
    ("signalExecution", ({"id": "@waiting", "name": "x" * 201}, "VALIDATION_FAILED", ["name"], "the limit is 200")),
    ("signalExecution", ({"id": "@waiting", "name": "x", "payload": LARGE}, "PAYLOAD_TOO_LARGE", ["payload"], "1,048,578 bytes")),
    ("resumeExecution", ({"id": "@paused", "budget": {"maxTokens": 0}}, "VALIDATION_FAILED", ["budget", "maxTokens"], BUDGET)),
    *[
        (name, ({"id": "@waiting", "reason": "r" * 1001}, "VALIDATION_FAILED", ["reason"], "has 1,001 characters; the limit is 1,000"))
        for name in ("cancelExecution", "pauseExecution", "resumeExecution")
    ],
]  # fmt: skip

ANSWERS: list[tuple[str, Case]] = [
    ("completeStep", (answered(**given), code, path, message))
    for given, code, path, message in (
        ({"output": {"ok": "yes"}}, "VALIDATION_FAILED", ["output", "ok"], "must be of type boolean, and is string"),
        ({"output": {}}, "VALIDATION_FAILED", ["output", "ok"], "is required"),
        ({"output": None}, "VALIDATION_FAILED", ["output"], "must be of type object, and is null"),
        ({"output": [True]}, "VALIDATION_FAILED", ["output"], "must be of type object, and is array"),
        ({}, "VALIDATION_FAILED", ["output"], "must be of type object, and is null"),
        ({"output": {"ok": True, "x": LARGE}}, "PAYLOAD_TOO_LARGE", ["output"], "the limit is 1,048,576"),
        ({"output": {"ok": True}, "failure": "no"}, "VALIDATION_FAILED", ["failure"], "either an output or a failure"),
        ({"failure": ""}, "VALIDATION_FAILED", ["failure"], "a failure has a message"),
        ({"failure": "x" * 10_001}, "VALIDATION_FAILED", ["failure"], "the limit is 10,000"),
        ({"output": {"ok": True}, "idempotencyKey": ""}, "VALIDATION_FAILED", ["idempotencyKey"], "not empty"),
    )
]

PLACE = ["edits", "0", "definition"]
EDITS: list[tuple[str, Case]] = [
    ("editExecution", (edited(*edits), code, path, message))
    for edits, code, path, message in (
        ([], "VALIDATION_FAILED", ["edits"], "there is no edit"),
        ([EDIT | {"definition": None}], "VALIDATION_FAILED", PLACE, "what shall be in the step stands here"),
        ([EDIT | {"action": "INSERT"}], "VALIDATION_FAILED", ["edits", "0", "stepId"], "step 'after' exists already"),
        ([EDIT | {"action": "INSERT", "stepId": "new"}], "VALIDATION_FAILED", [*PLACE, "kind"], "is required"),
        ([EDIT | {"stepId": "nothing"}], "VALIDATION_FAILED", ["edits", "0", "stepId"], "there is no step 'nothing'"),
        ([EDIT | {"stepId": "before"}], "VALIDATION_FAILED", ["edits", "0", "stepId"], "step 'before' has begun already"),
        ([update(kind="trnsform")], "VALIDATION_FAILED", [*PLACE, "kind"], "there is no step kind 'trnsform'"),
        ([EDIT | {"action": "DELETE"}], "VALIDATION_FAILED", PLACE, "a step that is deleted needs no definition"),
        ([EDIT, update(id="other")], "VALIDATION_FAILED", ["edits", "1", "stepId"], "the definition names the step 'other'"),
        ([update(needs=["approve", "nope"])], "VALIDATION_FAILED", [*PLACE, "needs", "1"], "there is no step 'nope'"),
        ([update(needs=["approve", "after"])], "VALIDATION_FAILED", [*PLACE, "needs", "1"], "cannot need itself"),
        ([update(**{"with": {"value": "${ 1 + }"}})], "VALIDATION_FAILED", [*PLACE, "with", "value"], "syntax error: unexpected end"),
        ([update(**{"with": {"value": "x" * 300_000}})], "PAYLOAD_TOO_LARGE", ["edits"], "the limit is 262,144"),
    )
]  # fmt: skip

BATCHES: list[tuple[str, Case]] = [
    ("startExecutions", ({"items": []}, "VALIDATION_FAILED", ["items"], "there is no item")),
    ("startExecutions", ({"items": [START] * 1001}, "LIMIT_EXCEEDED", ["items"], "1,001 items; a batch takes at most 1,000")),
    ("startExecutions", ({"items": [START], "idempotencyKey": ""}, "VALIDATION_FAILED", ["idempotencyKey"], "not empty")),
    *[
        (name, (given, code, path, message))
        for name in ("cancelExecutions", "pauseExecutions", "resumeExecutions", "retryExecutions")
        for given, code, path, message in (
            ({}, "VALIDATION_FAILED", ["ids"], "give either ids or a filter"),
            ({"ids": ["a"], "filter": {"workflow": "a"}}, "VALIDATION_FAILED", ["ids"], "give either ids or a filter"),
            ({"ids": []}, "VALIDATION_FAILED", ["ids"], "there is no id"),
            ({"ids": ["a", "b", "a"]}, "VALIDATION_FAILED", ["ids"], "'a' stands there twice"),
            ({"ids": [str(n) for n in range(1001)]}, "LIMIT_EXCEEDED", ["ids"], "1,001 ids; a batch takes at most 1,000"),
            ({"filter": {}}, "CONFIRMATION_REQUIRED", ["confirm"], "the filter names nothing"),
            ({"ids": ["a"], "reason": "r" * 1001}, "VALIDATION_FAILED", ["reason"], "the limit is 1,000"),
        )
    ],
]  # fmt: skip


def named(given: Any, world: World) -> Any:
    if isinstance(given, dict):
        return {key: named(value, world) for key, value in given.items()}
    return getattr(world, given[1:]) if isinstance(given, str) and given.startswith("@") else given


@pytest.mark.parametrize(
    "cases",
    [UNKNOWN, STATE, LIMITS, ANSWERS, EDITS, BATCHES],
    ids=["unknown", "state", "limits", "answers", "edits", "batches"],
)
async def test_it_is_refused_with_its_place_and_changes_nothing(
    api: Api, world: World, unchanged: Unchanged, cases: list[tuple[str, Case]]
) -> None:
    with unchanged():
        for name, (given, code, path, message) in cases:
            (error,) = (await api.mutate(name, named(given, world)))["errors"]
            assert (error["code"], error["path"]) == (code, path), (name, error)
            assert message in error["message"], (name, error)


async def test_a_conflict_says_what_is_current(api: Api, world: World) -> None:
    stale = {"name": "sums", "definition": sums() | {"title": "x"}, "expectedVersion": 7}
    (error,) = (await api.mutate("updateWorkflow", stale))["errors"]
    assert (error["__typename"], error["currentRevision"]) == ("ConflictError", 1)
    await api.mutate("editExecution", named(edited(EDIT), world))
    (error,) = (await api.mutate("editExecution", named(edited(EDIT), world)))["errors"]
    assert (error["__typename"], error["currentRevision"]) == ("ConflictError", 2)


async def test_the_key_of_another_request_is_refused_and_names_what_it_made(
    api: Api, world: World, unchanged: Unchanged
) -> None:
    first = await api.start("sums", input={"n": 1}, idempotencyKey="key")
    await api.ended(first)
    with unchanged():
        again = START | {"idempotencyKey": "key", "input": {"n": 2}}
        (error,) = (await api.mutate("startExecution", again))["errors"]
        shown = (error["code"], error["path"], error["existingId"])
        assert shown == ("IDEMPOTENCY_MISMATCH", ["idempotencyKey"], first)
    assert world
