"""Sagas: what was done is undone in reverse order of completion, before the last event."""

import pytest

from engine.domain.errors import InvalidState
from engine.domain.events import ExecutionCancelled, ExecutionStatusChanged, StepCompensated, StepStarted
from engine.domain.execution import commands as c
from engine.domain.status import ExecutionStatus, FailureKind
from tests.domain.driven_execution import DrivenExecution, JsonObject, loop, over, step

E = ExecutionStatus
UNDO: JsonObject = {"kind": "task"}
UNDO_AT_ONCE: JsonObject = {"kind": "transform", "with": {"value": 1}}


def booked(undo: JsonObject = UNDO, **fields: object) -> DrivenExecution:
    """`a` and `b` were done, `b` first; `c` runs."""
    driven = DrivenExecution(
        step("a", needs=[], compensate=undo),
        step("b", needs=[], compensate=undo),
        step("c", needs=["a", "b"]),
        **fields,  # type: ignore[arg-type]  # members of a definition
    ).claim()
    driven.done("b")
    driven.done("a")
    return driven


def test_a_failure_undoes_what_was_done_in_reverse_order_of_completion() -> None:
    driven = booked()
    driven.err("c", "broken")
    assert (driven.status(), list(driven.running)) == (E.RUNNING, ["a.compensate"])
    driven.done("a.compensate")
    assert list(driven.running) == ["b.compensate"]
    driven.done("b.compensate")
    assert (driven.status(), driven.failure.code, driven.failure.step_id) == (E.FAILED, "broken", "c")
    assert driven.statuses() == {
        "a": "COMPENSATED",
        "b": "COMPENSATED",
        "c": "FAILED",
        "a.compensate": "SUCCEEDED",
        "b.compensate": "SUCCEEDED",
    }
    assert driven.names()[-3:] == ["StepSucceeded", "StepCompensated", "ExecutionFailed"]


def test_the_way_to_the_end_is_recorded_once() -> None:
    driven = booked()
    driven.err("c")
    (change,) = driven.events(ExecutionStatusChanged)
    assert (change.from_, change.to, change.ending) == (E.RUNNING, E.RUNNING, E.FAILED)


def test_a_cancelled_execution_is_compensated_and_then_cancelled() -> None:
    driven = booked()
    driven.do(c.Cancel(reason="enough", actor="ada"))
    assert driven.running == {}
    driven.claim("w1")
    driven.done("a.compensate")
    driven.done("b.compensate")
    (cancelled,) = driven.events(ExecutionCancelled)
    assert (cancelled.reason, cancelled.actor) == ("enough", "ada")


def test_an_execution_that_timed_out_is_compensated_and_has_no_second_deadline() -> None:
    driven = booked(timeout="1m")
    driven.advance(60)
    driven.advance(60)
    driven.done("a.compensate")
    driven.done("b.compensate")
    assert (driven.status(), driven.failure.kind) == (E.TIMED_OUT, FailureKind.TIMEOUT)


def test_a_paused_execution_that_is_cancelled_is_compensated_too() -> None:
    driven = booked()
    driven.do(c.Pause())
    driven.do(c.Cancel())
    assert driven.status() is E.RUNNING
    driven.claim()
    driven.done("a.compensate")
    driven.done("b.compensate")
    assert driven.status() is E.CANCELLED


@pytest.mark.parametrize("when", ["at once", "while it compensates"])
def test_a_forced_cancellation_stops_at_once(when: str) -> None:
    driven = booked()
    if when == "while it compensates":
        driven.err("c")
    driven.do(c.Cancel(force=True))
    assert (driven.status(), driven.running) == (E.CANCELLED, {})
    assert driven.statuses().get("a.compensate") in (None, "CANCELLED")
    assert driven.events(StepCompensated) == []


def test_what_is_ending_is_not_cancelled_again_nor_paused_nor_edited() -> None:
    driven = booked()
    driven.err("c")
    for command in (c.Cancel(), c.Pause(), c.Edit(edits=(), expected_revision=1)):
        with pytest.raises(InvalidState, match="ending as FAILED"):
            driven.do(command)


def test_a_compensation_that_fails_is_noted_and_the_next_goes_on() -> None:
    driven = booked()
    driven.err("c", "broken")
    driven.err("a.compensate", "stuck")
    assert list(driven.running) == ["b.compensate"]
    driven.done("b.compensate")
    assert (driven.failure.code, driven.failure.details) == ("broken", {"compensation_failed": ["a"]})
    assert (driven.statuses()["a"], driven.statuses()["b"]) == ("SUCCEEDED", "COMPENSATED")


@pytest.mark.parametrize(
    ("details", "noted"),
    [({"sku": 7}, {"sku": 7, "compensation_failed": ["a"]}), ([7], {"details": [7], "compensation_failed": ["a"]})],
)
def test_the_note_is_added_to_the_details_that_the_failure_has(details: object, noted: JsonObject) -> None:
    driven = DrivenExecution(
        step("a", "transform", {"value": 1}, compensate=UNDO), step("b", "fail", {"message": "no", "details": details})
    ).claim()
    driven.err("a.compensate")
    assert driven.failure.details == noted


@pytest.mark.parametrize(
    ("reason", "told"), [("enough", "enough; compensation failed for a"), (None, "compensation failed for a")]
)
def test_a_compensation_that_fails_is_noted_in_the_reason_of_a_cancellation(reason: str | None, told: str) -> None:
    driven = booked()
    driven.do(c.Cancel(reason=reason))
    driven.claim()
    driven.err("a.compensate")
    driven.done("b.compensate")
    (cancelled,) = driven.events(ExecutionCancelled)
    assert cancelled.reason == told


def test_a_compensation_is_tried_again_by_its_own_policy() -> None:
    driven = booked({"kind": "task", "retry": {"max_attempts": 2}})
    driven.err("c")
    driven.err("a.compensate")
    assert driven.status() is E.RUNNING
    driven.advance_to_next()
    assert driven.running == {"a.compensate": 2}


def test_a_lost_worker_does_not_lose_a_compensation() -> None:
    driven = booked()
    driven.err("c")
    driven.crash()
    driven.advance_to_next()
    driven.done("a.compensate")
    driven.done("b.compensate")
    assert driven.status() is E.FAILED
    assert [path for path, _ in driven.launched if path == "a.compensate"] == ["a.compensate"] * 2


def test_compensations_that_are_decided_on_the_spot_take_no_further_decision() -> None:
    driven = booked(UNDO_AT_ONCE)
    events = [type(event).__name__ for event in driven.err("c")]
    assert driven.status() is E.FAILED
    assert events.count("StepCompensated") == 2


def test_a_compensation_that_cannot_begin_is_noted() -> None:
    driven = booked({"kind": "task", "with": {"x": "${ input.missing }"}})
    driven.err("c")
    assert (driven.status(), driven.failure.details) == (E.FAILED, {"compensation_failed": ["a", "b"]})


def test_a_compensation_may_wait() -> None:
    driven = booked({"kind": "sleep", "with": {"for": "5s"}})
    driven.err("c")
    assert driven.status() is E.WAITING
    driven.advance_to_next()
    driven.advance_to_next()
    assert driven.status() is E.FAILED


def test_only_steps_that_succeeded_are_undone() -> None:
    driven = DrivenExecution(
        step("a", needs=[], compensate=UNDO, on_error="continue"),
        step("b", needs=[], compensate=UNDO, when=False),
        step("c", needs=[], compensate=UNDO),
        step("d", needs=[]),
    ).claim()
    driven.err("a")
    driven.err("d")
    assert driven.status() is E.FAILED
    assert driven.events(StepCompensated) == []


def test_nothing_is_undone_when_all_went_well() -> None:
    driven = booked()
    driven.done("c")
    assert driven.status() is E.SUCCEEDED
    assert driven.events(StepCompensated) == []


def test_a_compensation_sees_what_its_step_saw_and_its_output() -> None:
    undo = {
        "kind": "task",
        "with": {"id": "${ steps.b.output }", "before": "${ steps.a.output }", "who": "${ input.who }"},
    }
    driven = DrivenExecution(step("a"), step("b", compensate=undo), step("c"), input={"who": "ada"}).claim()
    driven.done("a", 1)
    driven.done("b", 2)
    driven.err("c")
    assert driven.x.inputs["b.compensate"] == {"id": 2, "before": 1, "who": "ada"}


def test_steps_inside_a_map_are_undone_with_their_item_even_after_the_map_is_done() -> None:
    undo = {"kind": "task", "with": {"item": "${ item }", "index": "${ index }", "got": "${ steps.x.output }"}}
    driven = DrivenExecution(over("m", ["p", "q"], step("x", compensate=undo)), step("end")).claim()
    driven.done("m[0].x", 10)
    driven.done("m[1].x", 11)
    driven.err("end")
    assert driven.x.inputs["m[1].x.compensate"] == {"item": "q", "index": 1, "got": 11}
    driven.done("m[1].x.compensate")
    assert driven.x.inputs["m[0].x.compensate"] == {"item": "p", "index": 0, "got": 10}
    driven.done("m[0].x.compensate")
    assert driven.status() is E.FAILED
    assert driven.statuses()["m[0].x"] == "COMPENSATED"


def test_steps_inside_a_loop_are_undone_with_their_round() -> None:
    undo = {"kind": "task", "with": {"round": "${ loop.index }", "last": "${ loop.last }"}}
    driven = DrivenExecution(loop("l", step("x", compensate=undo), max_rounds=2), step("end")).claim()
    driven.done("l[0].x", 10)
    driven.done("l[1].x", 11)
    driven.err("end")
    assert driven.x.inputs["l[1].x.compensate"] == {"round": 1, "last": 10}


def test_a_map_may_be_compensated_as_a_whole_whatever_its_steps_are_called() -> None:
    driven = DrivenExecution(over("m", [1], step("compensate"), compensate=UNDO), step("end")).claim()
    driven.done("m[0].compensate")
    driven.err("end")
    assert list(driven.running) == ["m.compensate"]
    driven.done("m.compensate")
    assert driven.statuses()["m"] == "COMPENSATED"


def test_a_run_inside_of_a_step_is_not_taken_for_its_compensation() -> None:
    driven = DrivenExecution(step("a", compensate=UNDO), step("b")).claim()
    inside = StepStarted(at=driven.now, step_id="a.compensate", attempt=1, kind="llm", watched=True)
    assert driven.do(c.Observe(event=inside)) == []
    driven.done("a")
    driven.err("b")
    assert list(driven.running) == ["a.compensate"]


def test_a_wide_map_is_undone_in_bounded_pieces() -> None:
    items = list(range(150))
    driven = DrivenExecution(
        over("m", items, step("x", "transform", {"value": 1}, compensate=UNDO_AT_ONCE)), step("end")
    ).claim()
    before = driven.commits
    driven.err("end")
    assert driven.status() is E.FAILED
    assert len(driven.events(StepCompensated)) == 150
    assert driven.commits - before == 1
    driven = DrivenExecution(
        over("m", items * 2, step("x", "transform", {"value": 1}, compensate=UNDO_AT_ONCE)), step("end")
    ).claim()
    before = driven.commits
    driven.err("end")
    assert driven.commits - before == 2
