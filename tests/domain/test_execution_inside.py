"""What happens inside of a step while it runs: watched runs, model calls and their sums, tools, budgets."""

import pytest

from engine.domain.events import (
    CheckpointSaved,
    ExecutionStatusChanged,
    LogWritten,
    ModelCalled,
    StepFailed,
    StepStarted,
    StepSucceeded,
    ToolCalled,
    ToolReturned,
)
from engine.domain.execution import commands as c
from engine.domain.failure import Budget, Failure, Usage
from engine.domain.status import ExecutionStatus, FailureKind
from engine.domain.waiting import WaitingFor, WaitKind
from tests.domain.driven_execution import START, DrivenExecution, over, step

E = ExecutionStatus
ONE_CALL = Usage(input_tokens=10, output_tokens=5, cost_usd=0.25, model_calls=1)


def begin_inside(driven: DrivenExecution, path: str) -> None:
    driven.do(c.Observe(event=StepStarted(at=START, step_id=path, attempt=1, kind="llm", input="hi", watched=True)))


def call_model(driven: DrivenExecution, path: str) -> list[object]:
    return list(driven.do(c.Observe(event=ModelCalled(at=START, step_id=path, model="m", usage=ONE_CALL))))


# ------------------------------------------------------------------ watched runs


def test_a_run_inside_of_a_step_is_recorded_and_not_scheduled() -> None:
    driven = DrivenExecution(step("g")).claim()
    begin_inside(driven, "g.node")
    assert driven.launched == [("g", 1)]
    assert driven.x.runs["g.node"].watched
    driven.do(c.ChildRunDone(path="g.node", output=1))
    assert driven.statuses() == {"g": "RUNNING", "g.node": "SUCCEEDED"}
    assert driven.x.runs["g.node"].number == 0
    driven.done("g")
    assert (driven.status(), driven.x.state.done) == (E.SUCCEEDED, 1)


def test_a_run_inside_may_fail_and_the_step_go_on() -> None:
    driven = DrivenExecution(step("g")).claim()
    begin_inside(driven, "g.node")
    driven.do(c.ChildRunDone(path="g.node", failure=Failure(kind=FailureKind.TASK, code="x", message="x")))
    begin_inside(driven, "g.node[2]")
    driven.do(c.ChildRunDone(path="g.node[2]"))
    driven.done("g")
    assert driven.statuses() == {"g": "SUCCEEDED", "g.node": "FAILED", "g.node[2]": "SUCCEEDED"}


@pytest.mark.parametrize("ending", ["done", "failed", "cancelled", "lost"])
def test_runs_inside_do_not_outlive_the_attempt(ending: str) -> None:
    driven = DrivenExecution(step("g"), step("other", needs=[])).claim()
    for path in ("g.node", "g.node[2]", "g.node[2].deeper"):
        begin_inside(driven, path)
    begin_inside(driven, "other.node")
    match ending:
        case "done":
            driven.done("g")
        case "failed":
            driven.err("g")
        case "cancelled":
            driven.do(c.Cancel())
        case "lost":
            driven.crash()
    statuses = driven.statuses()
    assert {statuses[path] for path in ("g.node", "g.node[2]", "g.node[2].deeper")} == {"CANCELLED"}
    assert statuses["other.node"] == ("RUNNING" if ending == "done" else "CANCELLED")


def test_a_run_inside_that_waits_may_begin_again_and_go_on() -> None:
    driven = DrivenExecution(step("g")).claim()
    begin_inside(driven, "g.ask")
    wait = WaitingFor(kind=WaitKind.INTERRUPT, interrupt_id="i1", prompt="?")
    driven.do(c.ChildRunDone(path="g.ask", waiting_for=wait))
    driven.suspend("g", wait)
    driven.answer("g", 1)
    begin_inside(driven, "g.ask")
    driven.do(c.ChildRunDone(path="g.ask", output=2))
    assert driven.statuses() == {"g": "RUNNING", "g.ask": "SUCCEEDED"}


def test_a_run_inside_begins_once_and_only_in_a_step_that_runs() -> None:
    driven = DrivenExecution(step("g"), step("later")).claim()
    begin_inside(driven, "g.node")
    before = len(driven.log)
    for path in ("g.node", "later.node", "nowhere.node", "g"):
        begin_inside(driven, path)
    driven.do(c.ChildRunDone(path="g.node"))
    before += 1
    begin_inside(driven, "g.node")
    for path in ("g.node", "g", "nowhere"):
        driven.do(c.ChildRunDone(path=path))
    assert len(driven.log) == before


def test_what_is_observed_is_told_in_the_log_and_changes_no_step() -> None:
    driven = DrivenExecution(step("a")).claim()
    seen = [
        CheckpointSaved(at=START, step_id="a", checkpoint_id="c1"),
        ToolCalled(at=START, step_id="a", call_id="t1", tool="search", arguments={"q": 1}),
        ToolReturned(at=START, step_id="a", call_id="t1", tool="search", result=[1]),
        LogWritten(at=START, step_id="a", level="info", message="hi"),
    ]
    before = driven.x.runs
    for event in seen:
        assert driven.do(c.Observe(event=event)) == [event]  # type: ignore[arg-type]  # each may be observed
    assert driven.x.runs == before
    driven.done("a")
    assert driven.do(c.Observe(event=seen[0])) == []  # type: ignore[arg-type]  # the same


# ------------------------------------------------------------------ usage


def test_a_model_call_counts_once_for_its_run_for_those_around_it_and_for_the_execution() -> None:
    driven = DrivenExecution(over("m", [1, 2], step("g")), step("other", needs=[])).claim()
    begin_inside(driven, "m[0].g.node")
    call_model(driven, "m[0].g.node")
    call_model(driven, "m[1].g")
    usage = {path: run.usage.model_calls if run.usage else 0 for path, run in driven.x.runs.items()}
    assert usage == {"m": 2, "other": 0, "m[0].g": 1, "m[1].g": 1, "m[0].g.node": 1}
    assert driven.x.state.usage == ONE_CALL + ONE_CALL
    assert driven.x.state.usage.tokens == 30


def test_a_later_visit_of_a_node_is_not_counted_for_the_first() -> None:
    driven = DrivenExecution(step("g")).claim()
    for path in ("g.node", "g.node[2]", "g.node[2].inner"):
        begin_inside(driven, path)
    call_model(driven, "g.node[2].inner")
    assert driven.x.runs["g.node"].usage is None
    assert driven.x.runs["g.node[2]"].usage == driven.x.runs["g"].usage == ONE_CALL


def test_usage_is_summed_over_all_attempts_and_told_at_the_end() -> None:
    driven = DrivenExecution(step("a", retry={"max_attempts": 2})).claim()
    call_model(driven, "a")
    driven.err("a")
    driven.advance_to_next()
    call_model(driven, "a")
    driven.done("a")
    (succeeded,) = driven.events(StepSucceeded)
    assert succeeded.usage == driven.x.state.usage == ONE_CALL + ONE_CALL


def test_what_a_failed_step_used_is_told_and_counted() -> None:
    driven = DrivenExecution(step("a")).claim()
    call_model(driven, "a")
    driven.err("a")
    (failed,) = driven.events(StepFailed)
    assert failed.usage == ONE_CALL


def test_a_model_call_that_is_reported_late_still_counts_until_the_end() -> None:
    driven = DrivenExecution(step("a"), step("b")).claim()
    driven.done("a")
    assert len(call_model(driven, "a")) == 1
    assert driven.x.state.usage == ONE_CALL
    driven.done("b")
    assert call_model(driven, "a") == []


# ------------------------------------------------------------------ budgets


def test_a_budget_that_is_reached_pauses_and_a_resume_goes_on_with_the_same_attempt() -> None:
    driven = DrivenExecution(step("a", with_={"x": 1}), queued={"budget": Budget(max_model_calls=1)}).claim()
    driven.do(c.BudgetStops(path="a", attempt=1))
    assert (driven.status(), driven.statuses()) == (E.PAUSED, {"a": "RETRYING"})
    (pause,) = driven.events(ExecutionStatusChanged)
    assert (pause.from_, pause.reason) == (E.RUNNING, "budget reached")
    assert driven.advance(100) == []
    driven.do(c.Resume(budget=Budget(max_model_calls=5)))
    assert driven.x.state.budget == Budget(max_model_calls=5)
    driven.advance()
    assert driven.launched == [("a", 1), ("a", 1)]
    driven.done("a")
    assert driven.status() is E.SUCCEEDED


def test_a_resume_without_a_budget_keeps_the_old_one() -> None:
    driven = DrivenExecution(step("a"), queued={"budget": Budget(max_tokens=9)}).claim()
    driven.do(c.BudgetStops(path="a", attempt=1))
    driven.do(c.Resume())
    assert driven.x.state.budget == Budget(max_tokens=9)


def test_two_steps_stopped_by_the_budget_pause_once() -> None:
    driven = DrivenExecution(step("a"), step("b", needs=[])).claim()
    for path in "ab":
        driven.do(c.BudgetStops(path=path, attempt=1))
    assert len(driven.events(ExecutionStatusChanged)) == 1
    driven.do(c.Resume())
    driven.advance()
    assert driven.running == {"a": 1, "b": 1}


def test_a_compensation_stopped_by_the_budget_goes_on_after_a_resume() -> None:
    driven = DrivenExecution(step("a", compensate={"kind": "task"}), step("b")).claim()
    driven.done("a")
    driven.err("b")
    driven.do(c.BudgetStops(path="a.compensate", attempt=1))
    assert driven.status() is E.PAUSED
    driven.advance(10)
    driven.do(c.Resume())
    driven.advance()
    driven.done("a.compensate")
    assert driven.status() is E.FAILED
