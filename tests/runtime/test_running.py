"""Executions from start to end through a running engine."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from engine.domain.errors import InvalidState, ValidationFailed
from engine.domain.events import StepProgressed, StepStarted
from engine.domain.failure import Budget
from engine.domain.status import ExecutionStatus, StepStatus
from engine.domain.waiting import WaitKind
from engine.usecases.cancel_execution import cancel_execution
from engine.usecases.complete_step import complete_step
from engine.usecases.paging import PageRequest
from engine.usecases.pause_execution import pause_execution
from engine.usecases.read_executions import state_value
from engine.usecases.resume_execution import resume_execution
from engine.usecases.signal_execution import signal_execution
from engine.usecases.waiting_steps import list_waiting_steps
from tests.patience import PATIENCE_SECONDS
from tests.runtime.client import Client, call
from tests.runtime.parts import CALLS

E = ExecutionStatus


async def test_a_chain_runs_in_order_and_renders_its_output(client: Client) -> None:
    await client.define(
        call("a", "add", {"a": "${ input.n }"}),
        call("b", "add", {"a": "${ steps.a.output }", "b": 10}),
        output={"sum": "${ steps.b.output }"},
    )
    view = await client.run(input={"n": 1})
    assert (view.state.status, view.state.output) == (E.SUCCEEDED, {"sum": 12})
    assert await client.names(view.state.id) == [
        "ExecutionQueued",
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "StepStarted",
        "StepSucceeded",
        "ExecutionSucceeded",
    ]


async def test_no_step_waits_for_one_that_it_does_not_need(client: Client) -> None:
    await client.define(
        call("gate", "hang", needs=[], on_error="continue"),
        call("quick", "echo", {"value": 1}, needs=[]),
        call("after", "echo", {"value": 2}, needs=["quick"]),
    )
    execution_id = await client.start()
    await client.until_event(execution_id, StepStarted, step_id="after")
    assert (await client.statuses(execution_id))["gate"] == "RUNNING"
    await cancel_execution(client.services, client.caller, execution_id, reason=None, force=False)
    await client.ended(execution_id)


async def test_a_flaky_step_is_tried_again_as_often_as_its_policy_says(client: Client) -> None:
    retry = {"max_attempts": 3, "initial": "5ms", "jitter": 0}
    await client.define(call("a", "flaky", {"key": "x", "failures": 2}, retry=retry), output="${ steps.a.output }")
    view = await client.run()
    assert view.state.output == 3
    assert view.runs["a"].attempt == 3
    assert (await client.names(view.state.id)).count("StepRetryScheduled") == 2


async def test_a_failure_that_is_final_fails_the_execution_with_the_steps_failure(client: Client) -> None:
    await client.define(call("a", "fail", {"message": "broken"}), call("b", "echo", {"value": 1}))
    view = await client.run()
    assert view.state.status is E.FAILED
    assert view.state.failure is not None
    assert (view.state.failure.code, view.state.failure.message, view.state.failure.step_id) == (
        "value_error",
        "broken",
        "a",
    )
    assert (await client.statuses(view.state.id))["b"] == "CANCELLED"


async def test_a_step_that_hangs_is_stopped_when_its_time_is_over(client: Client) -> None:
    await client.define(call("a", "hang", timeout="30ms"))
    view = await client.run()
    assert view.state.failure is not None
    assert (view.state.failure.kind, view.state.failure.code) == ("TIMEOUT", "step_timeout")
    assert CALLS == [("hang", None), ("hung up", None)]


async def test_an_execution_ends_at_its_timeout(client: Client) -> None:
    await client.define(call("a", "hang"), timeout="30ms")
    view = await client.run()
    assert view.state.status is E.TIMED_OUT
    assert (await client.names(view.state.id))[-1] == "ExecutionTimedOut"


async def test_a_cancelled_execution_starts_no_further_step(client: Client) -> None:
    await client.define(call("a", "hang"), call("b", "echo", {"value": 1}))
    execution_id = await client.start()
    await client.until_event(execution_id, StepStarted)
    await cancel_execution(client.services, client.caller, execution_id, reason="enough", force=False)
    view = await client.ended(execution_id)
    assert view.state.status is E.CANCELLED
    assert ("echo", 1) not in CALLS
    with pytest.raises(InvalidState, match="CANCELLED"):
        await cancel_execution(client.services, client.caller, execution_id, reason=None, force=False)


async def test_the_task_of_a_cancelled_step_is_stopped(client: Client) -> None:
    await client.define(call("a", "hang"))
    execution_id = await client.start()
    await client.until_event(execution_id, StepStarted)
    await cancel_execution(client.services, client.caller, execution_id, reason=None, force=False)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while ("hung up", None) not in CALLS:
            await asyncio.sleep(0.001)


async def test_what_was_done_is_undone_in_reverse_order_when_a_later_step_fails(client: Client) -> None:
    undo = [{"kind": "function", "with": {"call": "test.echo", "args": {"value": f"undo {step}"}}} for step in "ab"]
    await client.define(
        call("a", "echo", {"value": "a"}, compensate=undo[0]),
        call("b", "echo", {"value": "b"}, compensate=undo[1]),
        call("c", "fail"),
    )
    view = await client.run()
    assert view.state.status is E.FAILED
    assert [value for name, value in CALLS if name == "echo"] == ["a", "b", "undo b", "undo a"]
    assert {view.runs[step].status for step in "ab"} == {StepStatus.COMPENSATED}
    assert (await client.names(view.state.id))[-1] == "ExecutionFailed"


async def test_cancelling_compensates_unless_it_is_forced(client: Client) -> None:
    undo = {"kind": "function", "with": {"call": "test.echo", "args": {"value": "undo"}}}
    await client.define(call("a", "echo", {"value": "a"}, compensate=undo), call("b", "hang"))
    for force, undone in ((False, 1), (True, 0)):
        CALLS.clear()
        execution_id = await client.start()
        await client.until_event(execution_id, StepStarted, step_id="b")
        await cancel_execution(client.services, client.caller, execution_id, reason=None, force=force)
        assert (await client.ended(execution_id)).state.status is E.CANCELLED
        assert CALLS.count(("echo", "undo")) == undone


async def test_a_paused_execution_starts_nothing_until_it_is_resumed(client: Client) -> None:
    await client.define(call("a", "slow", {"value": 1}), call("b", "echo", {"value": 2}))
    execution_id = await client.start()
    await client.until_event(execution_id, StepStarted)
    await pause_execution(client.services, client.caller, execution_id, reason=None)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await client.statuses(execution_id))["a"] != "SUCCEEDED":
            await asyncio.sleep(0.005)
    assert ("echo", 2) not in CALLS
    await resume_execution(client.services, client.caller, execution_id, reason=None, budget=None)
    assert (await client.ended(execution_id)).state.status is E.SUCCEEDED
    assert CALLS.count(("slow begins", 1)) == 1


async def test_an_approval_waits_for_a_person_and_checks_the_answer(client: Client) -> None:
    schema = {"type": "object", "required": ["approved"], "properties": {"approved": {"type": "boolean"}}}
    await client.define(
        {"id": "ok", "kind": "approval", "with": {"prompt": "Send?", "schema": schema, "assignees": ["leads"]}},
        call("send", "echo", {"value": "sent"}, when="${ steps.ok.output.approved }"),
    )
    execution_id = await client.start()
    view = await client.until(execution_id, E.WAITING)
    (waiting,) = view.runs["ok"].waits
    assert (waiting.kind, waiting.prompt, waiting.assignees) == (WaitKind.APPROVAL, "Send?", ("leads",))
    listed = await list_waiting_steps(client.services, client.caller, "leads", PageRequest(first=5))
    assert [(ref.execution_id, ref.step_id) for ref in listed.items] == [(execution_id, "ok")]
    nobody = await list_waiting_steps(client.services, client.caller, "others", PageRequest(first=5))
    assert nobody.items == []

    async def answer(output: object) -> None:
        await complete_step(
            client.services,
            client.caller,
            execution_id,
            "ok",
            interrupt_id=None,
            output=output,
            failure=None,
            idempotency_key=None,
        )

    before = await client.log(execution_id)
    with pytest.raises(ValidationFailed) as refused:
        await answer({"approved": "yes"})
    assert refused.value.problems[0].path == ("output", "approved")
    assert await client.log(execution_id) == before
    await answer({"approved": True})
    assert (await client.ended(execution_id)).state.status is E.SUCCEEDED
    assert CALLS == [("echo", "sent")]
    after = await list_waiting_steps(client.services, client.caller, None, PageRequest(first=5))
    assert after.items == []
    with pytest.raises(InvalidState):
        await answer({"approved": True})


async def test_a_signal_that_comes_before_the_wait_is_kept(client: Client) -> None:
    await client.define(
        call("a", "slow", {"value": 1}),
        {"id": "go", "kind": "signal", "with": {"name": "go"}},
        output="${ steps.go.output }",
    )
    execution_id = await client.start()
    await signal_execution(
        client.services, client.caller, execution_id, name="go", payload={"n": 7}, idempotency_key=None
    )
    assert (await client.ended(execution_id)).state.output == {"n": 7}


async def test_a_signal_under_the_same_key_counts_once(client: Client) -> None:
    await client.define(
        {"id": "one", "kind": "signal", "with": {"name": "go"}}, {"id": "two", "kind": "signal", "with": {"name": "go"}}
    )
    execution_id = await client.start()
    for _ in range(2):
        await signal_execution(client.services, client.caller, execution_id, name="go", payload=1, idempotency_key="k")
    view = await client.until(execution_id, E.WAITING)
    assert (await client.names(execution_id)).count("SignalReceived") == 1
    assert view.state.status is E.WAITING


async def test_a_sleep_outlives_the_worker_letting_go(client: Client) -> None:
    await client.define({"id": "nap", "kind": "sleep", "with": {"for": "60ms"}}, call("a", "echo", {"value": 1}))
    execution_id = await client.start()
    await client.until(execution_id, E.WAITING)
    assert (await client.ended(execution_id)).state.status is E.SUCCEEDED


async def test_a_delayed_execution_stays_queued_until_its_time(client: Client) -> None:
    await client.define(call("a", "echo", {"value": 1}))
    execution_id = await client.start(delay=timedelta(milliseconds=1500))
    assert (await client.view(execution_id)).state.status is E.QUEUED
    view = await client.ended(execution_id)
    assert view.state.started_at is not None
    assert view.state.started_at >= view.state.created_at + timedelta(milliseconds=1500)


async def test_a_deadline_in_the_past_is_refused(client: Client) -> None:
    await client.define(call("a", "echo", {"value": 1}))
    with pytest.raises(ValidationFailed, match="past"):
        await client.start(deadline=datetime(2020, 1, 1, tzinfo=UTC))


async def test_a_map_keeps_the_order_of_its_items(client: Client) -> None:
    inner = [call("x", "slow", {"value": "${ item }", "seconds": "${ 0.02 / double(index + 1) }"})]
    await client.define(
        {"id": "m", "kind": "map", "with": {"items": "${ input.items }", "concurrency": 3, "steps": inner}},
        output="${ steps.m.output }",
    )
    view = await client.run(input={"items": [1, 2, 3, 4, 5]})
    assert view.state.output == [1, 2, 3, 4, 5]
    assert (await client.statuses(view.state.id))["m[4].x"] == "SUCCEEDED"


async def test_a_loop_runs_until_its_condition_holds(client: Client) -> None:
    inner = [call("x", "add", {"a": "${ loop.index == 0 ? 0 : loop.last }"})]
    await client.define(
        {
            "id": "l",
            "kind": "loop",
            "with": {"until": "${ steps.x.output >= 3 }", "max_rounds": 10, "steps": inner},
        },
        output="${ steps.l.output }",
    )
    view = await client.run()
    assert (view.state.status, view.state.output) == (E.SUCCEEDED, 3), view.state.failure


async def test_a_function_may_interrupt_and_goes_on_with_the_answer(client: Client) -> None:
    await client.define(call("a", "ask", {"question": "why?"}), output="${ steps.a.output }")
    execution_id = await client.start()
    view = await client.until(execution_id, E.WAITING)
    (waiting,) = view.runs["a"].waits
    assert (waiting.kind, waiting.prompt) == (WaitKind.INTERRUPT, "why?")
    await complete_step(
        client.services,
        client.caller,
        execution_id,
        "a",
        interrupt_id=waiting.interrupt_id,
        output="because",
        failure=None,
        idempotency_key=None,
    )
    assert (await client.ended(execution_id)).state.output == {"answer": "because"}
    assert CALLS == [("ask", "why?"), ("ask", "why?")]


async def test_progress_is_seen_live_before_the_end_of_its_step(client: Client) -> None:
    await client.define(call("a", "report"))
    execution_id = await client.start(delay=timedelta(milliseconds=50))
    seen = [entry async for entry in client.watch(execution_id, ephemeral=True)]
    names = [type(entry.event).__name__ for entry in seen]
    (progress,) = (entry for entry in seen if isinstance(entry.event, StepProgressed))
    assert progress.seq is None
    assert (progress.event.message, progress.event.fraction, progress.event.data) == ("half", 0.5, {"more": 1})  # type: ignore[union-attr]
    assert names.index("StepProgressed") < names.index("StepSucceeded")


async def test_a_lane_admits_as_many_as_its_limit(client: Client) -> None:
    await client.define(call("a", "slow", {"value": "${ input.n }"}), lane="narrow")
    ids = [await client.start(input={"n": n}) for n in range(3)]
    for execution_id in ids:
        await client.ended(execution_id)
    assert [name for name, _ in CALLS] == ["slow begins", "slow ends"] * 3


async def test_in_a_lane_the_higher_priority_goes_first(client: Client) -> None:
    await client.define(call("a", "slow", {"value": "${ input.n }"}), lane="narrow")
    ids = [await client.start(input={"n": n}, priority=n) for n in range(4)]
    for execution_id in ids:
        await client.ended(execution_id)
    assert [value for name, value in CALLS if name == "slow begins"] == [0, 3, 2, 1]


async def test_a_large_output_is_kept_whole(client: Client) -> None:
    await client.define(call("a", "echo", {"value": "${ input.text }"}), output="${ steps.a.output }")
    text = "x" * 900_000
    view = await client.run(input={"text": text})
    assert view.state.status is E.SUCCEEDED
    assert await state_value(client.services, client.caller, view, view.state.output) == text
    assert await state_value(client.services, client.caller, view, view.state.input) == {"text": text}


async def test_a_budget_of_calls_is_part_of_the_execution(client: Client) -> None:
    await client.define(call("a", "echo", {"value": 1}), budget={"max_model_calls": 3})
    view = await client.run()
    assert view.state.budget == Budget(max_model_calls=3)
