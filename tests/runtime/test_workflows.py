"""Workflows as use cases see them: versions, names, deletion."""

from typing import Any

import pytest

from engine.domain.errors import AlreadyExists, InvalidState, NotFound, RevisionConflict, ValidationFailed
from engine.domain.failure import Budget
from engine.domain.status import ExecutionStatus, WorkflowStatus
from engine.usecases.activate_workflow import activate_workflow
from engine.usecases.archive_workflow import archive_workflow
from engine.usecases.delete_workflow import delete_workflow
from engine.usecases.paging import PageRequest
from engine.usecases.read_executions import execution_plan
from engine.usecases.read_workflows import WorkflowFilter, list_workflows, workflow_by_name, workflows_by_id
from engine.usecases.update_workflow import update_workflow
from tests.runtime.client import Client, call
from tests.runtime.conftest import OpenEngine

ONE, TWO = call("a", "echo", {"value": 1}), call("a", "echo", {"value": 2})
FIRST = {"name": "test", "steps": [ONE]}
SECOND = {"name": "test", "steps": [TWO]}


async def update(client: Client, definition: object, expected: int | None = None, *, activate: bool = True) -> int:
    workflow = await update_workflow(
        client.services,
        client.caller,
        "test",
        definition,
        expected_version=expected,
        activate=activate,
        labels=None,
    )
    return workflow.latest_version


async def test_the_same_definition_again_makes_no_new_version(client: Client) -> None:
    await client.define(ONE)
    assert await update(client, FIRST) == 1
    assert await update(client, SECOND) == 2
    assert await update(client, FIRST) == 3


async def test_a_lost_update_is_refused(client: Client) -> None:
    await client.define(ONE)
    assert await update(client, SECOND, expected=1) == 2
    with pytest.raises(RevisionConflict) as conflict:
        await update(client, FIRST, expected=1)
    assert conflict.value.current == 2


async def test_executions_keep_the_version_that_they_were_started_with(client: Client) -> None:
    gate = {"id": "gate", "kind": "signal", "with": {"name": "go"}}
    await client.define(gate, call("a", "echo", {"value": 1}))
    execution_id = await client.start()
    await client.until(execution_id, ExecutionStatus.WAITING)
    await update(client, SECOND)
    assert (await client.view(execution_id)).state.version == 1
    assert (await client.view(await client.start())).state.version == 2


async def test_a_draft_starts_only_where_a_version_is_named(client: Client) -> None:
    await client.define(ONE)
    await update(client, SECOND, activate=False)
    assert (await client.view(await client.start())).state.version == 1
    assert (await client.view(await client.start(version=2))).state.version == 2
    with pytest.raises(NotFound, match="no version 3"):
        await client.start(version=3)


async def test_an_archived_workflow_starts_nothing_until_it_is_activated(client: Client) -> None:
    await client.define(ONE)
    await archive_workflow(client.services, client.caller, "test")
    with pytest.raises(InvalidState, match="archived"):
        await client.start()
    await activate_workflow(client.services, client.caller, "test", 1)
    await client.run()


async def test_a_name_is_taken_once(client: Client) -> None:
    await client.define(ONE)
    with pytest.raises(AlreadyExists) as taken:
        await client.define(ONE)
    assert taken.value.existing_id is not None


async def test_a_workflow_with_live_executions_is_not_deleted(client: Client) -> None:
    await client.define(call("a", "hang"))
    await client.start()
    with pytest.raises(InvalidState, match="1 live"):
        await delete_workflow(client.services, client.caller, "test")


async def test_ended_executions_outlive_their_workflow(opened: OpenEngine) -> None:
    async with opened() as client:
        await client.define(ONE)
        ended = await client.run()
        deleted = await delete_workflow(client.services, client.caller, "test")
        assert await workflow_by_name(client.services, client.caller, "test") is None
        listed = await list_workflows(client.services, client.caller, WorkflowFilter(), PageRequest(first=5))
        assert listed.items == []
        with pytest.raises(NotFound):
            await client.start()
        await client.define(TWO)
    async with opened() as client:
        view = await client.view(ended.state.id)
        assert (await execution_plan(client.services, client.caller, view)).definition["steps"] == [
            {**ONE, "needs": []}
        ]
        (workflow,) = await workflows_by_id(client.services, client.caller, [deleted])
        assert workflow is not None
        assert (workflow.name, workflow.status, workflow.deleted) == ("test", WorkflowStatus.ARCHIVED, True)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({"budget": Budget(max_tokens=-1)}, ("budget", "maxTokens")),
        ({"budget": Budget(max_cost_usd=0.0)}, ("budget", "maxCostUsd")),
        ({"priority": 2_000_000_000}, ("priority",)),
        ({"lane": "no such lane"}, ("lane",)),
        ({"idempotency_key": ""}, ("idempotencyKey",)),
    ],
)
async def test_a_start_that_makes_no_sense_is_refused(
    client: Client, request_: dict[str, Any], path: tuple[str, ...]
) -> None:
    await client.define(ONE)
    with pytest.raises(ValidationFailed) as refused:
        await client.start(**request_)
    assert refused.value.problems[0].path == path
