"""Executions: start, watch them end, and everything that can be done to them in between."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.domain.ids import TenantId
from engine.usecases.caller import Caller, Role
from tests.api.client import Api
from tests.api.definitions import asks, fails, sums

VIEWER = Caller(tenant=TenantId("local"), principal="somebody", role=Role.VIEWER)
STRANGER = Caller(tenant=TenantId("other"), principal="stranger", role=Role.ADMIN)


@pytest.fixture
async def asking(api: Api) -> str:
    """An execution that waits for an approval."""
    await api.create(asks())
    execution_id = await api.start("asks")
    await api.until(execution_id, "StepWaiting")
    return execution_id


async def only_error(api: Api, name: str, given: dict[str, Any]) -> dict[str, Any]:
    payload = await api.mutate(name, given, "execution { id }")
    assert payload["execution"] is None
    (error,) = payload["errors"]
    assert isinstance(error, dict)
    return error


async def test_an_execution_tells_all_about_itself(api: Api) -> None:
    await api.create(sums())
    execution_id = await api.start("sums", input={"n": 1}, priority=3, labels={"a": "b"}, lane="default")
    assert (await api.ended(execution_id))["status"] == "SUCCEEDED"
    execution = (
        await api.data(
            """query($id: ID!) { execution(id: $id) {
                id status revision lastSeq input output failure { code } usage { inputTokens costUsd } lane priority labels
                createdAt startedAt finishedAt deadline definition mermaid
                workflow { name } version { number } parent { id } forkedFrom { id } children { totalCount }
                progress { total done failed running waiting percent }
                step(id: "add") { stepId kind status attempt input output failure { code } waitingFor { kind } usage { costUsd } }
                none: step(id: "nothing") { id }
                steps { totalCount nodes { stepId } }
                events { nodes { __typename seq executionId } pageInfo { hasNextPage hasPreviousPage } }
            } }""",
            id=execution_id,
        )
    )["execution"]
    assert execution["input"] == {"n": 1, "unit": "kg"}
    assert execution["output"] == 2
    assert (execution["lane"], execution["priority"], execution["labels"]) == ("default", 3, {"a": "b"})
    assert execution["progress"] == {"total": 1, "done": 1, "failed": 0, "running": 0, "waiting": 0, "percent": 100.0}
    assert execution["step"] == {
        "stepId": "add",
        "kind": "transform",
        "status": "SUCCEEDED",
        "attempt": 1,
        "input": {"value": 2},
        "output": 2,
        "failure": None,
        "waitingFor": None,
        "usage": None,
    }
    assert execution["none"] is None
    assert execution["steps"] == {"totalCount": 1, "nodes": [{"stepId": "add"}]}
    assert [event["seq"] for event in execution["events"]["nodes"]] == list(range(1, execution["lastSeq"] + 1))
    assert execution["events"]["nodes"][-1]["__typename"] == "ExecutionSucceeded"
    assert (execution["parent"], execution["forkedFrom"], execution["children"]) == (None, None, {"totalCount": 0})


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"n": "1"}, ["input", "n"]),
        ({}, ["input", "n"]),
        (None, ["input", "n"]),
        ([], ["input"]),
        ("x", ["input"]),
        ({"n": 1, "unit": "a\0b"}, ["input", "unit"]),
        ({"n": 1, "a\0": 1}, ["input"]),
    ],
)
async def test_input_that_does_not_fit_is_refused_with_its_path(api: Api, given: object, path: list[str]) -> None:
    await api.create(sums())
    error = await only_error(api, "startExecution", {"workflow": "sums", "input": given})
    assert (error["__typename"], error["code"], error["path"]) == ("ValidationError", "VALIDATION_FAILED", path)
    assert (await api.data("{ executions { totalCount } }"))["executions"]["totalCount"] == 0


async def test_an_unknown_workflow_or_version_cannot_be_started(api: Api) -> None:
    await api.create(sums())
    missing = await only_error(api, "startExecution", {"workflow": "nope"})
    assert (missing["__typename"], missing["code"], missing["path"]) == ("GenericError", "NOT_FOUND", ["workflow"])
    version = await only_error(api, "startExecution", {"workflow": "sums", "version": 7, "input": {"n": 1}})
    assert (version["code"], version["path"]) == ("NOT_FOUND", ["version"])


async def test_the_same_key_starts_once_and_another_input_under_it_is_refused(api: Api) -> None:
    await api.create(sums())
    first = await api.start("sums", input={"n": 1}, idempotencyKey="k")
    assert await api.start("sums", input={"n": 1}, idempotencyKey="k") == first
    error = await only_error(api, "startExecution", {"workflow": "sums", "input": {"n": 2}, "idempotencyKey": "k"})
    assert (error["__typename"], error["code"], error["existingId"]) == ("ConflictError", "IDEMPOTENCY_MISMATCH", first)
    assert (await api.data("{ executions { totalCount } }"))["executions"]["totalCount"] == 1


async def test_a_deadline_in_the_past_is_refused(api: Api) -> None:
    await api.create(sums())
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    error = await only_error(api, "startExecution", {"workflow": "sums", "input": {"n": 1}, "deadline": past})
    assert error["path"] == ["deadline"]


async def test_a_delayed_execution_is_queued(api: Api) -> None:
    await api.create(sums())
    given = {"workflow": "sums", "input": {"n": 1}, "delay": "PT1H"}
    payload = await api.mutate("startExecution", given, "execution { status startedAt }")
    assert payload["execution"] == {"status": "QUEUED", "startedAt": None}


async def test_a_waiting_step_says_what_it_waits_for_and_goes_on_with_the_answer(api: Api, asking: str) -> None:
    query = 'query($id: ID!) { execution(id: $id) { step(id: "approve") { status waitingFor { kind prompt schema assignees until } } } }'
    step = (await api.data(query, id=asking))["execution"]["step"]
    assert step["status"] == "WAITING"
    assert (step["waitingFor"]["kind"], step["waitingFor"]["prompt"]) == ("approval", "Go on?")
    assert step["waitingFor"]["assignees"] == ["leads"]
    payload = await api.mutate(
        "completeStep", {"executionId": asking, "stepId": "approve", "output": {"ok": True}}, "execution { id }"
    )
    assert payload["errors"] == []
    assert await api.ended(asking) == {
        "status": "SUCCEEDED",
        "output": True,
        "failure": None,
        "lastSeq": await last_seq(api, asking),
    }


async def last_seq(api: Api, execution_id: str) -> int:
    data = await api.data("query($id: ID!) { execution(id: $id) { lastSeq } }", id=execution_id)
    return int(data["execution"]["lastSeq"])


async def test_an_answer_that_breaks_the_schema_changes_nothing(api: Api, asking: str) -> None:
    before = await last_seq(api, asking)
    error = await only_error(api, "completeStep", {"executionId": asking, "stepId": "approve", "output": {"ok": "yes"}})
    assert (error["code"], error["path"]) == ("VALIDATION_FAILED", ["output", "ok"])
    assert await last_seq(api, asking) == before


async def test_a_step_that_does_not_wait_takes_no_answer(api: Api, asking: str) -> None:
    error = await only_error(api, "completeStep", {"executionId": asking, "stepId": "before", "output": 1})
    assert error["code"] == "INVALID_STATE"


async def test_people_find_the_steps_that_wait_for_them(api: Api, asking: str) -> None:
    query = """query($a: String) { waitingSteps(assignee: $a) {
        totalCount nodes { execution { id } step { stepId waitingFor { prompt } } }
    } }"""
    waiting = {"execution": {"id": asking}, "step": {"stepId": "approve", "waitingFor": {"prompt": "Go on?"}}}
    assert (await api.data(query, a="leads"))["waitingSteps"] == {"totalCount": 1, "nodes": [waiting]}
    assert (await api.data(query))["waitingSteps"]["nodes"] == [waiting]
    assert (await api.data(query, a="others"))["waitingSteps"] == {"totalCount": 0, "nodes": []}


async def test_a_cancelled_execution_is_final(api: Api, asking: str) -> None:
    payload = await api.mutate("cancelExecution", {"id": asking, "reason": "enough"}, "execution { id }")
    assert payload["errors"] == []
    assert (await api.ended(asking))["status"] == "CANCELLED"
    for name in ("cancelExecution", "pauseExecution", "resumeExecution"):
        assert (await only_error(api, name, {"id": asking}))["code"] == "INVALID_STATE"


async def test_a_paused_execution_goes_on_when_it_is_resumed(api: Api, asking: str) -> None:
    paused = await api.mutate("pauseExecution", {"id": asking}, "execution { status }")
    assert paused["execution"]["status"] == "PAUSED"
    resumed = await api.mutate("resumeExecution", {"id": asking, "budget": {"maxTokens": 5}}, "execution { status }")
    assert resumed["execution"]["status"] in ("RUNNING", "WAITING")


async def test_a_signal_that_comes_early_counts(api: Api) -> None:
    step = {"id": "s", "kind": "signal", "needs": ["gate"], "with": {"name": "go"}}
    gate = {"id": "gate", "kind": "approval", "with": {"prompt": "?"}}
    await api.create({"name": "signals", "output": "${ steps.s.output }", "steps": [gate, step]})
    execution_id = await api.start("signals")
    sent = await api.mutate("signalExecution", {"id": execution_id, "name": "go", "payload": [1]}, "execution { id }")
    assert sent["errors"] == []
    await api.until(execution_id, "StepWaiting")
    await api.mutate("completeStep", {"executionId": execution_id, "stepId": "gate", "output": 1})
    assert (await api.ended(execution_id))["output"] == [1]


async def test_a_failure_names_its_step_and_a_retry_keeps_what_succeeded(api: Api) -> None:
    await api.create(fails())
    execution_id = await api.start("fails")
    assert (await api.ended(execution_id))["failure"]["code"] == "no_luck"
    payload = await api.mutate("retryExecution", {"id": execution_id}, "execution { id forkedFrom { id } }")
    again = payload["execution"]
    assert again["forkedFrom"] == {"id": execution_id}
    assert (await api.ended(again["id"]))["status"] == "FAILED"
    query = 'query($id: ID!) { execution(id: $id) { failure { kind stepId retryable message } step(id: "second") { failure { code } } } }'
    found = (await api.data(query, id=execution_id))["execution"]
    assert found["failure"] == {"kind": "TASK", "stepId": "second", "retryable": False, "message": "It was not to be"}
    assert found["step"]["failure"] == {"code": "no_luck"}


@pytest.mark.parametrize(("more", "output"), [({}, 2), ({"input": {"n": 5}}, 6), ({"input": None}, 2)])
async def test_a_fork_takes_the_old_input_unless_it_is_given_another(
    api: Api, more: dict[str, Any], output: int
) -> None:
    await api.create(sums())
    execution_id = await api.start("sums", input={"n": 1})
    await api.ended(execution_id)
    payload = await api.mutate("forkExecution", {"id": execution_id, "fromStep": "add", **more}, "execution { id }")
    assert (await api.ended(payload["execution"]["id"]))["output"] == output


async def test_a_fork_from_an_unknown_step_is_refused(api: Api, asking: str) -> None:
    error = await only_error(api, "forkExecution", {"id": asking, "fromStep": "nothing"})
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["fromStep"])


async def test_a_live_edit_shows_its_diff_and_raises_the_revision(api: Api, asking: str) -> None:
    edit = {"action": "UPDATE", "stepId": "after", "definition": {"with": {"value": "edited"}}}
    given = {"id": asking, "expectedRevision": 1, "edits": [edit]}
    tried = await api.mutate("editExecution", given | {"dryRun": True}, "execution { revision definition } diff")
    assert tried["execution"]["revision"] == 1
    assert tried["diff"]
    made = await api.mutate("editExecution", given, "execution { revision definition } diff")
    assert made["diff"] == tried["diff"]
    assert made["execution"]["revision"] == 2
    assert made["execution"]["definition"]["steps"][2]["with"] == {"value": "edited"}
    stale = await api.mutate("editExecution", given, "execution { id } diff")
    assert (stale["errors"][0]["code"], stale["errors"][0]["currentRevision"]) == ("CONFLICT", 2)
    await api.mutate("completeStep", {"executionId": asking, "stepId": "approve", "output": {"ok": True}})
    assert (await api.ended(asking))["output"] == "edited"


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        ({"action": "DELETE", "stepId": "before"}, ["edits", "0", "stepId"]),
        ({"action": "UPDATE", "stepId": "nothing", "definition": {}}, ["edits", "0", "stepId"]),
        ({"action": "INSERT", "stepId": "new", "definition": []}, ["edits", "0", "definition"]),
        (
            {"action": "INSERT", "stepId": "new", "definition": {"kind": "nothing"}},
            ["edits", "0", "definition", "kind"],
        ),
    ],
)
async def test_edits_that_make_no_sense_are_refused_with_their_place(
    api: Api, asking: str, edit: dict[str, Any], path: list[str]
) -> None:
    given = {"id": asking, "expectedRevision": 1, "edits": [edit]}
    payload = await api.mutate("editExecution", given, "execution { id } diff")
    assert (payload["execution"], payload["diff"]) == (None, None)
    assert path in [error["path"] for error in payload["errors"]]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("cancelExecution", {}),
        ("pauseExecution", {}),
        ("resumeExecution", {}),
        ("signalExecution", {"name": "go"}),
        ("retryExecution", {}),
        ("forkExecution", {"fromStep": "a"}),
        ("editExecution", {"expectedRevision": 1, "edits": []}),
    ],
)
async def test_an_unknown_execution_is_not_found(api: Api, name: str, given: dict[str, Any]) -> None:
    error = await only_error(api, name, {"id": "ex_nothing", **given})
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["id"])


async def test_executions_are_found_by_what_they_are(api: Api) -> None:
    await api.create(sums())
    await api.create(fails())
    good = await api.start("sums", input={"n": 1}, labels={"a": "1"})
    bad = await api.start("fails")
    await api.ended(good)
    await api.ended(bad)
    created = (await api.data("query($id: ID!) { execution(id: $id) { createdAt } }", id=bad))["execution"]["createdAt"]
    query = "query($f: ExecutionFilter, $o: ExecutionOrder) { executions(filter: $f, orderBy: $o) { totalCount nodes { id } } }"
    for given, ids in (
        ({}, [bad, good]),
        ({"workflow": "sums"}, [good]),
        ({"workflow": "nope"}, []),
        ({"status": ["FAILED", "CANCELLED"]}, [bad]),
        ({"label": {"key": "a", "value": "1"}}, [good]),
        ({"createdBefore": created}, [good]),
        ({"createdAfter": created}, []),
        ({"batchId": "ba_none"}, []),
        ({"triggerId": "tr_none"}, []),
    ):
        found = (await api.data(query, f=given))["executions"]
        assert [node["id"] for node in found["nodes"]] == ids, given
        assert found["totalCount"] == len(ids)
    oldest_first = (await api.data(query, o={"direction": "ASC"}))["executions"]["nodes"]
    assert [node["id"] for node in oldest_first] == [good, bad]


async def test_what_a_viewer_may_not_do_is_refused_as_data(api: Api) -> None:
    await api.create(sums())
    api.runtime.caller = VIEWER
    error = await only_error(api, "startExecution", {"workflow": "sums", "input": {"n": 1}})
    assert (error["__typename"], error["code"]) == ("GenericError", "PERMISSION_DENIED")


async def test_another_tenant_sees_nothing(api: Api, asking: str) -> None:
    api.runtime.caller = STRANGER
    data = await api.data(
        """query($id: ID!) {
            execution(id: $id) { id } node(id: $id) { id } workflow(name: "asks") { id }
            executions { totalCount nodes { id } } waitingSteps { totalCount }
        }""",
        id=asking,
    )
    assert data == {
        "execution": None,
        "node": None,
        "workflow": None,
        "executions": {"totalCount": 0, "nodes": []},
        "waitingSteps": {"totalCount": 0},
    }
    assert (await only_error(api, "cancelExecution", {"id": asking}))["code"] == "NOT_FOUND"


async def test_an_execution_outlives_its_workflow(api: Api) -> None:
    await api.create(sums())
    execution_id = await api.start("sums", input={"n": 1})
    await api.ended(execution_id)
    assert (await api.mutate("deleteWorkflow", {"name": "sums"}, "deletedId"))["errors"] == []
    found = await api.data(
        "query($id: ID!) { execution(id: $id) { output events { nodes { seq } } } }", id=execution_id
    )
    assert found["execution"]["output"] == 2
