"""Executions that depend on one another: children, concurrency keys, batches, retries and forks."""

import asyncio
from collections.abc import Sequence

import pytest

from engine.bootstrap import open_engine
from engine.domain.batch import BatchAction, BatchItem, BatchMode, BatchStatus
from engine.domain.edits import EditAction, StepEdit
from engine.domain.errors import (
    ConfirmationRequired,
    IdempotencyMismatch,
    InvalidState,
    LimitExceeded,
    NotFound,
    RevisionConflict,
    ValidationFailed,
)
from engine.domain.events import StepStarted
from engine.domain.status import ExecutionStatus
from engine.settings import Settings
from engine.storage.sqlite import SqliteStore
from engine.usecases.act_on_executions import act_on_executions
from engine.usecases.cancel_execution import cancel_execution
from engine.usecases.delete_workflow import delete_workflow
from engine.usecases.edit_execution import edit_execution
from engine.usecases.fork_execution import fork_execution
from engine.usecases.paging import PageRequest
from engine.usecases.read_batches import batches_by_id, list_batch_items
from engine.usecases.read_executions import ExecutionFilter, list_executions
from engine.usecases.retry_execution import retry_execution
from engine.usecases.signal_execution import signal_execution
from engine.usecases.start_execution import StartExecution
from engine.usecases.start_executions import start_executions
from engine.usecases.views import ExecutionView
from engine.usecases.watch_batch import watch_batch
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.failing_store import FailingStore
from tests.runtime.parts import CALLS

E = ExecutionStatus


async def children(client: Client, parent: str) -> Sequence[ExecutionView]:
    page = await list_executions(
        client.services,
        client.caller,
        ExecutionFilter(parent_id=parent),
        descending=False,
        page=PageRequest(first=10),
    )
    return page.items


async def until_child(client: Client, parent: str) -> ExecutionView:
    await client.until(parent, E.WAITING)
    (child,) = await children(client, parent)
    return child


# ------------------------------------------------------------------ children


async def test_the_output_of_a_child_is_the_output_of_its_step(client: Client) -> None:
    await client.define(call("a", "add", {"a": "${ input.n }"}), name="inner", output="${ steps.a.output }")
    await client.define(
        {"id": "c", "kind": "child", "with": {"workflow": "inner", "input": {"n": 4}}}, output="${ steps.c.output }"
    )
    view = await client.run()
    assert view.state.output == 5
    (child,) = await children(client, view.state.id)
    assert (child.state.parent_id, child.state.status) == (view.state.id, E.SUCCEEDED)


async def test_a_failed_child_fails_its_step_with_its_failure(client: Client) -> None:
    await client.define(call("a", "fail", {"message": "inner trouble"}), name="inner")
    await client.define({"id": "c", "kind": "child", "with": {"workflow": "inner"}})
    view = await client.run()
    assert view.state.failure is not None
    assert view.state.failure.code == "child_failed"
    assert "inner trouble" in view.state.failure.message


async def test_a_step_that_is_tried_again_starts_another_child(client: Client) -> None:
    await client.define(call("a", "flaky", {"key": "k", "failures": 1}), name="inner", output="${ steps.a.output }")
    retry = {"max_attempts": 2, "initial": "1ms"}
    await client.define(
        {"id": "c", "kind": "child", "with": {"workflow": "inner"}, "retry": retry}, output="${ steps.c.output }"
    )
    view = await client.run()
    assert (view.state.status, view.state.output) == (E.SUCCEEDED, 2), view.state.failure
    assert [child.state.status for child in await children(client, view.state.id)] == [E.FAILED, E.SUCCEEDED]


@pytest.mark.parametrize(("policy", "status"), [("cancel", E.CANCELLED), ("abandon", E.WAITING)])
async def test_the_parents_end_reaches_its_children_by_their_policy(
    client: Client, policy: str, status: ExecutionStatus
) -> None:
    await client.define({"id": "s", "kind": "signal", "with": {"name": "never"}}, name="inner")
    await client.define(
        {"id": "c", "kind": "child", "with": {"workflow": "inner", "on_parent_close": policy}},
    )
    parent = await client.start()
    child = await until_child(client, parent)
    await client.until(child.state.id, E.WAITING)
    await cancel_execution(client.services, client.caller, parent, reason=None, force=False)
    await client.ended(parent)
    if status.terminal:
        await client.ended(child.state.id)
    assert (await client.view(child.state.id)).state.status is status


async def test_a_detached_child_is_not_waited_for(client: Client) -> None:
    await client.define({"id": "s", "kind": "signal", "with": {"name": "never"}}, name="inner")
    await client.define(
        {"id": "c", "kind": "child", "with": {"workflow": "inner", "mode": "detach"}}, output="${ steps.c.output }"
    )
    view = await client.run()
    (child,) = await children(client, view.state.id)
    assert view.state.output == {"executionId": child.state.id}


async def test_a_child_of_an_unknown_workflow_fails_its_step(client: Client) -> None:
    await client.define({"id": "c", "kind": "child", "with": {"workflow": "nowhere"}})
    view = await client.run()
    assert view.state.failure is not None
    assert view.state.failure.code == "child_not_found"


async def test_a_child_may_be_a_node_of_a_graph(client: Client) -> None:
    await client.define(call("a", "add", {"a": "${ input.n }"}), name="inner", output="${ steps.a.output }")
    graph = {
        "state": {"n": {"type": "integer"}},
        "entry": "ask",
        "input": {"n": 1},
        "output": "${ state.n }",
        "nodes": {
            "ask": {
                "kind": "child",
                "with": {"workflow": "inner", "input": {"n": "${ state.n }"}},
                "update": {"n": "${ output }"},
            }
        },
        "edges": [{"from": "ask", "to": "END"}],
    }
    await client.define({"id": "g", "kind": "graph", "with": graph}, output="${ steps.g.output }")
    view = await client.run()
    assert (view.state.status, view.state.output) == (E.SUCCEEDED, 2), view.state.failure


async def test_a_workflow_that_starts_itself_comes_to_an_end(client: Client) -> None:
    await client.define({"id": "c", "kind": "child", "with": {"workflow": "test"}})
    view = await client.run()
    assert view.state.status is E.FAILED


# ------------------------------------------------------------------ concurrency keys


async def define_keyed(client: Client, on_limit: str) -> None:
    await client.define(
        {"id": "s", "kind": "signal", "with": {"name": "go"}},
        concurrency={"key": "${ input.k }", "limit": 1, "on_limit": on_limit},
    )


async def go(client: Client, execution_id: str) -> None:
    await client.until(execution_id, E.WAITING)
    await signal_execution(client.services, client.caller, execution_id, name="go", payload=None, idempotency_key=None)


async def test_executions_with_one_key_follow_one_another(client: Client) -> None:
    await define_keyed(client, "queue")
    first, second, third = [await client.start(input={"k": "x"}) for _ in range(3)]
    other = await client.start(input={"k": "y"})
    await client.until(first, E.WAITING)
    await client.until(other, E.WAITING)
    assert {(await client.view(each)).state.status for each in (second, third)} == {E.QUEUED}
    for execution_id in (first, second, third):
        await go(client, execution_id)
        assert (await client.ended(execution_id)).state.status is E.SUCCEEDED


async def test_what_exceeds_the_limit_is_rejected_where_the_workflow_says_so(client: Client) -> None:
    await define_keyed(client, "reject")
    await client.start(input={"k": "x"})
    with pytest.raises(LimitExceeded):
        await client.start(input={"k": "x"})


async def test_a_newer_execution_cancels_the_running_one_where_the_workflow_says_so(client: Client) -> None:
    await define_keyed(client, "cancel_running")
    old = await client.start(input={"k": "x"})
    await client.until(old, E.WAITING)
    new = await client.start(input={"k": "x"})
    assert (await client.ended(old)).state.status is E.CANCELLED
    await go(client, new)
    assert (await client.ended(new)).state.status is E.SUCCEEDED


async def test_a_queued_execution_that_is_cancelled_frees_nothing_and_blocks_nobody(client: Client) -> None:
    await define_keyed(client, "queue")
    first, second, third = [await client.start(input={"k": "x"}) for _ in range(3)]
    await cancel_execution(client.services, client.caller, second, reason=None, force=False)
    await client.ended(second)
    assert (await client.view(third)).state.status is E.QUEUED
    await go(client, first)
    await go(client, third)
    assert (await client.ended(third)).state.status is E.SUCCEEDED


# ------------------------------------------------------------------ retry, fork, edits


async def test_a_retry_keeps_what_was_recorded_and_runs_the_rest(client: Client) -> None:
    await client.define(
        call("a", "echo", {"value": "once"}),
        call("b", "flaky", {"key": "b", "failures": 1}),
        output="${ steps.b.output }",
    )
    old = await client.run()
    assert old.state.status is E.FAILED
    new = await retry_execution(client.services, client.caller, old.state.id, from_step=None)
    view = await client.ended(new.state.id)
    assert (view.state.status, view.state.output, view.state.forked_from) == (E.SUCCEEDED, 2, old.state.id)
    assert CALLS.count(("echo", "once")) == 1
    assert (await client.view(old.state.id)).state.status is E.FAILED
    with pytest.raises(InvalidState):
        await retry_execution(client.services, client.caller, view.state.id, from_step=None)


async def test_a_retried_map_runs_only_the_items_that_had_not_succeeded(client: Client) -> None:
    inner = [call("x", "flaky", {"key": "${ item.key }", "failures": "${ item.failures }"})]
    items = [{"key": "good", "failures": 0}, {"key": "bad", "failures": 1}]
    await client.define(
        {"id": "m", "kind": "map", "with": {"items": items, "concurrency": 1, "steps": inner}},
        output="${ steps.m.output }",
    )
    old = await client.run()
    assert old.state.status is E.FAILED
    new = await retry_execution(client.services, client.caller, old.state.id, from_step=None)
    view = await client.ended(new.state.id)
    assert (view.state.status, view.state.output) == (E.SUCCEEDED, [1, 2]), view.state.failure
    assert CALLS.count(("flaky", "good")) == 1


async def test_a_retry_does_not_mistake_another_workflow_of_the_same_name(client: Client) -> None:
    await client.define(call("a", "fail"), call("b", "echo", {"value": 1}))
    old = await client.run()
    await delete_workflow(client.services, client.caller, "test")
    await client.define(call("other", "echo", {"value": 2}))
    with pytest.raises(NotFound):
        await retry_execution(client.services, client.caller, old.state.id, from_step=None)
    with pytest.raises(NotFound):
        await fork_execution(
            client.services,
            client.caller,
            old.state.id,
            from_step="b",
            input=None,
            input_given=False,
            idempotency_key=None,
        )


async def test_a_fork_runs_again_from_the_chosen_step_with_another_input(client: Client) -> None:
    await client.define(
        call("a", "echo", {"value": "${ input.n }"}),
        call("b", "add", {"a": "${ input.n }"}),
        output=["${ steps.a.output }", "${ steps.b.output }"],
    )
    old = await client.run(input={"n": 1})
    new = await fork_execution(
        client.services,
        client.caller,
        old.state.id,
        from_step="b",
        input={"n": 5},
        input_given=True,
        idempotency_key="f",
    )
    again = await fork_execution(
        client.services,
        client.caller,
        old.state.id,
        from_step="b",
        input={"n": 5},
        input_given=True,
        idempotency_key="f",
    )
    assert again.state.id == new.state.id
    assert (await client.ended(new.state.id)).state.output == [1, 6]
    with pytest.raises(NotFound):
        await fork_execution(
            client.services,
            client.caller,
            old.state.id,
            from_step="zzz",
            input=None,
            input_given=False,
            idempotency_key=None,
        )


async def test_a_live_edit_changes_what_has_not_begun(client: Client) -> None:
    await client.define(
        {"id": "gate", "kind": "signal", "with": {"name": "go"}},
        call("b", "echo", {"value": "old"}),
        call("c", "echo", {"value": "gone"}),
    )
    execution_id = await client.start()
    await client.until(execution_id, E.WAITING)
    edits = [
        StepEdit(
            action=EditAction.UPDATE, step_id="b", definition={"with": {"call": "test.echo", "args": {"value": "new"}}}
        ),
        StepEdit(action=EditAction.DELETE, step_id="c"),
        StepEdit(
            action=EditAction.INSERT, step_id="d", definition={**call("d", "echo", {"value": "added"}), "needs": ["b"]}
        ),
    ]

    async def edit(*chosen: StepEdit, revision: int = 1, dry_run: bool = False) -> object:
        return await edit_execution(
            client.services, client.caller, execution_id, expected_revision=revision, edits=chosen, dry_run=dry_run
        )

    await edit(*edits, dry_run=True)
    assert (await client.view(execution_id)).state.revision == 1
    await edit(*edits)
    assert (await client.view(execution_id)).state.revision == 2
    with pytest.raises(RevisionConflict) as stale:
        await edit(*edits)
    assert stale.value.current == 2
    with pytest.raises(ValidationFailed, match="begun"):
        await edit(StepEdit(action=EditAction.DELETE, step_id="gate"), revision=2)
    with pytest.raises(ValidationFailed):
        await edit(StepEdit(action=EditAction.DELETE, step_id="b"), revision=2)
    await go(client, execution_id)
    view = await client.ended(execution_id)
    assert view.state.status is E.SUCCEEDED
    assert CALLS == [("echo", "new"), ("echo", "added")]


# ------------------------------------------------------------------ idempotency and batches


async def test_the_same_key_and_request_give_the_first_execution(client: Client) -> None:
    await client.define(call("a", "echo", {"value": 1}))
    ids = await asyncio.gather(*(client.start(idempotency_key="k", input={"n": 1}) for _ in range(10)))
    assert len(set(ids)) == 1
    with pytest.raises(IdempotencyMismatch):
        await client.start(idempotency_key="k", input={"n": 2})


async def batch(client: Client, items: Sequence[StartExecution], mode: BatchMode, key: str | None = None) -> str:
    made = await start_executions(client.services, client.caller, items, mode, key)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for _ in watch_batch(client.services, client.caller, made.id):
            pass
    return made.id


async def test_a_batch_of_a_thousand_runs_to_its_end(client: Client) -> None:
    await client.define(call("a", "add", {"a": "${ input.n }"}))
    items = [StartExecution(workflow="test", input={"n": n}) for n in range(1000)]
    batch_id = await batch(client, items, BatchMode.BEST_EFFORT, "thousand")
    (done,) = await batches_by_id(client.services, client.caller, [batch_id])
    assert done is not None
    assert (done.status, done.finished, done.succeeded, done.failed) == (BatchStatus.COMPLETED, 1000, 1000, 0)
    again = await start_executions(client.services, client.caller, items, BatchMode.BEST_EFFORT, "thousand")
    assert again.id == batch_id
    with pytest.raises(IdempotencyMismatch):
        await start_executions(client.services, client.caller, items[:1], BatchMode.BEST_EFFORT, "thousand")


async def test_errors_of_items_come_in_order_and_the_others_run(client: Client) -> None:
    await client.define(call("a", "echo", {"value": 1}), input={"type": "object", "required": ["n"]})
    items = [
        StartExecution(workflow="test", input={"n": 1}),
        StartExecution(workflow="test", input={}),
        StartExecution(workflow="nope", input={"n": 1}),
    ]
    batch_id = await batch(client, items, BatchMode.REJECT_FAILED_ITEMS)
    page = await list_batch_items(
        client.services, client.caller, batch_id, only_errors=False, page=PageRequest(first=10)
    )
    assert [item.error.code if item.error else None for item in page.items] == [None, "VALIDATION_FAILED", "NOT_FOUND"]
    assert page.items[0].execution_id is not None


async def test_an_atomic_batch_with_a_bad_item_starts_nothing(client: Client) -> None:
    await client.define(call("a", "echo", {"value": 1}))
    items = [StartExecution(workflow="test"), StartExecution(workflow="nope")]
    batch_id = await batch(client, items, BatchMode.ATOMIC)
    (done,) = await batches_by_id(client.services, client.caller, [batch_id])
    assert done is not None
    assert (done.accepted, done.rejected) == (0, 2)
    everything = await list_executions(
        client.services, client.caller, ExecutionFilter(), descending=True, page=PageRequest(first=5)
    )
    assert everything.items == []


async def test_a_batch_that_goes_on_after_a_crash_knows_what_it_did(settings: Settings) -> None:
    store = FailingStore(await SqliteStore.open(None))
    async with open_engine(settings, store=store) as engine:
        client = Client(engine)
        await client.define({"id": "s", "kind": "signal", "with": {"name": "go"}})
        ids = [await client.start() for _ in range(3)]
        for execution_id in ids:
            await client.until(execution_id, E.WAITING)
        store.fail_on("batches/", after=1)
        made = await act_on_executions(
            client.services,
            client.caller,
            BatchAction.CANCEL,
            ids,
            None,
            reason=None,
            confirm=False,
            mode=BatchMode.BEST_EFFORT,
            idempotency_key=None,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in watch_batch(client.services, client.caller, made.id):
                pass
        (done,) = await batches_by_id(client.services, client.caller, [made.id])
        assert done is not None
        assert store.refused == 1
        assert (done.accepted, done.rejected, done.finished) == (3, 0, 3)
    await store.close()


@pytest.mark.parametrize("on_limit", ["reject", "cancel_running"])
async def test_a_batch_carried_out_again_finds_its_executions_though_they_fill_their_key(
    settings: Settings, on_limit: str
) -> None:
    """They would be refused, or superseded by themselves."""
    store = FailingStore(await SqliteStore.open(None))
    async with open_engine(settings, store=store) as engine:
        client = Client(engine)
        concurrency = {"key": "k", "limit": 1, "on_limit": on_limit}
        await client.define({"id": "s", "kind": "signal", "with": {"name": "go"}}, concurrency=concurrency)
        store.fail_on("batches/", after=1)
        items = [StartExecution(workflow="test")]
        made = await start_executions(client.services, client.caller, items, BatchMode.BEST_EFFORT, None)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (done := await _carried_out(client, made.id)):
                await asyncio.sleep(0.01)
        assert store.refused == 1
        (item,) = done
        assert item.error is None
        assert item.execution_id is not None
        view = await client.until(item.execution_id, E.WAITING)
        await signal_execution(
            client.services, client.caller, view.state.id, name="go", payload=1, idempotency_key=None
        )
        assert (await client.ended(view.state.id)).state.status is E.SUCCEEDED
    await store.close()


async def _carried_out(client: Client, batch_id: str) -> list[BatchItem]:
    stored = await client.services.batches.get("local", batch_id)
    assert stored is not None
    if stored.batch.carried_out < stored.batch.total:
        return []
    return await client.services.batches.chunk("local", batch_id, 0)


async def test_many_executions_are_cancelled_by_a_filter(client: Client) -> None:
    await client.define(call("a", "hang"))
    ids = [await client.start() for _ in range(5)]
    for execution_id in ids:
        await client.until_event(execution_id, StepStarted)

    async def cancel(asked: ExecutionFilter, *, confirm: bool = False) -> str:
        made = await act_on_executions(
            client.services,
            client.caller,
            BatchAction.CANCEL,
            None,
            asked,
            reason="all",
            confirm=confirm,
            mode=BatchMode.BEST_EFFORT,
            idempotency_key=None,
        )
        return made.id

    with pytest.raises(ConfirmationRequired):
        await cancel(ExecutionFilter())
    batch_id = await cancel(ExecutionFilter(workflow="test"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for _ in watch_batch(client.services, client.caller, batch_id):
            pass
    assert {(await client.view(each)).state.status for each in ids} == {E.CANCELLED}
