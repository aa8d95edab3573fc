"""What is tried again, when, and how often; what the machinery does is not the step's fault."""

from datetime import timedelta

import pytest

from engine.domain.events import StepRetryScheduled, StepStarted
from engine.domain.execution import commands as c
from engine.domain.execution import next_due
from engine.domain.failure import Failure
from engine.domain.status import ExecutionStatus, FailureKind
from tests.domain.driven_execution import START, DrivenExecution, step

E = ExecutionStatus
STEADY = {"initial": "10s", "backoff": 3, "max": "1m", "jitter": 0}


def tried(max_attempts: int, **retry: object) -> DrivenExecution:
    return DrivenExecution(step("a", retry={**STEADY, "max_attempts": max_attempts, **retry})).claim()


def delays(driven: DrivenExecution) -> list[float]:
    return [(event.not_before - event.at).total_seconds() for event in driven.events(StepRetryScheduled)]


def test_without_a_policy_one_attempt_is_all() -> None:
    driven = DrivenExecution(step("a")).claim()
    driven.err("a", "broken")
    assert (driven.status(), driven.failure.code, driven.failure.step_id) == (E.FAILED, "broken", "a")
    assert driven.x.runs["a"].attempt == 1


def test_attempts_are_spent_up_to_the_maximum() -> None:
    driven = tried(3)
    for _ in range(2):
        driven.err("a")
        assert driven.statuses() == {"a": "RETRYING"}
        driven.advance_to_next()
    assert driven.launched == [("a", 1), ("a", 2), ("a", 3)]
    driven.err("a")
    assert (driven.status(), driven.x.runs["a"].attempt) == (E.FAILED, 3)


def test_an_execution_is_running_between_retries() -> None:
    driven = tried(2)
    driven.err("a")
    assert driven.status() is E.RUNNING
    assert next_due(driven.x) == START + timedelta(seconds=10)


def test_nothing_is_tried_again_before_its_time() -> None:
    driven = tried(2)
    driven.err("a")
    assert driven.advance(9.999) == []
    driven.advance(0.001)
    assert driven.launched == [("a", 1), ("a", 2)]


def test_the_back_off_grows_up_to_its_maximum() -> None:
    driven = tried(6)
    for _ in range(5):
        driven.err("a")
        driven.advance_to_next()
    assert delays(driven) == [10, 30, 60, 60, 60]


def test_a_long_back_off_does_not_overflow() -> None:
    driven = tried(200, backoff=100)
    for _ in range(150):
        driven.err("a")
        driven.advance_to_next()
    assert set(delays(driven)[1:]) == {60}


def test_jitter_stays_within_its_share_differs_and_is_the_same_in_every_replay() -> None:
    def drawn() -> list[float]:
        driven = tried(50, backoff=1, jitter=0.5)
        for _ in range(49):
            driven.err("a")
            driven.advance_to_next()
        return delays(driven)

    first = drawn()
    assert all(5 <= delay <= 15 for delay in first)
    assert max(first) - min(first) > 5
    assert first == drawn()


def test_the_input_of_a_step_stays_the_same_over_its_attempts() -> None:
    driven = DrivenExecution(step("a", with_={"at": "${ now() }"}, retry={**STEADY, "max_attempts": 2})).claim()
    before = driven.x.inputs["a"]
    driven.err("a")
    driven.advance_to_next()
    assert driven.x.inputs["a"] == before
    first, second = driven.events(StepStarted)
    assert (first.input, second.input) == (before, None)


@pytest.mark.parametrize(("code", "retryable"), [("bad_request", True), ("broken", False)])
def test_codes_and_failures_that_are_final_are_not_tried_again(code: str, *, retryable: bool) -> None:
    driven = tried(5, non_retryable=["bad_request"])
    driven.err("a", code, retryable=retryable)
    assert driven.status() is E.FAILED


def test_a_success_after_failures_leaves_no_failure_behind() -> None:
    driven = tried(2)
    driven.err("a")
    driven.advance_to_next()
    driven.done("a", 1)
    assert driven.status() is E.SUCCEEDED
    assert (driven.x.runs["a"].failure, driven.x.runs["a"].attempt) == (None, 2)


# ------------------------------------------------------------------ the machinery


def test_infra_failures_spend_no_attempts() -> None:
    driven = tried(2)
    driven.err("a", kind=FailureKind.INFRA)
    driven.advance_to_next()
    driven.err("a")
    driven.advance_to_next()
    driven.err("a", kind=FailureKind.INFRA)
    driven.advance_to_next()
    assert driven.launched == [("a", 1), ("a", 1), ("a", 2), ("a", 2)]
    driven.err("a")
    assert driven.status() is E.FAILED


def test_infra_failures_are_retried_ten_times_even_without_a_policy() -> None:
    driven = DrivenExecution(step("a")).claim()
    for _ in range(10):
        driven.err("a", "store_gone", kind=FailureKind.INFRA, retryable=False)
        driven.advance_to_next()
    driven.err("a", "store_gone", kind=FailureKind.INFRA)
    assert (driven.status(), driven.failure.kind, len(driven.launched)) == (E.FAILED, FailureKind.INFRA, 11)


def test_what_a_lost_worker_ran_is_tried_again_by_the_next() -> None:
    driven = DrivenExecution(step("a"), step("b", needs=[])).claim()
    driven.done("b")
    driven.crash()
    (retry,) = driven.events(StepRetryScheduled)
    assert (retry.step_id, retry.failure.kind, retry.failure.code) == ("a", FailureKind.INFRA, "worker_lost")
    driven.advance_to_next()
    assert driven.launched == [("a", 1), ("b", 1), ("a", 1)]


def test_a_crash_between_decision_and_report_starts_what_was_not_recorded_only() -> None:
    driven = DrivenExecution(step("a"), step("b"), step("c")).claim()
    driven.done("a")
    driven.crash()
    driven.advance_to_next()
    driven.done("b")
    driven.done("c")
    assert driven.status() is E.SUCCEEDED
    assert [path for path, _ in driven.launched] == ["a", "b", "b", "c"]


def test_a_failed_item_is_not_made_good_by_running_its_map_again() -> None:
    driven = DrivenExecution(step("m", "map", {"items": [1], "steps": [step("x")]})).claim()
    for _ in range(10):
        driven.err("m[0].x", kind=FailureKind.INFRA)
        driven.advance_to_next()
    driven.err("m[0].x", kind=FailureKind.INFRA)
    assert driven.status() is E.FAILED
    assert driven.statuses() == {"m": "FAILED", "m[0].x": "FAILED"}


# ------------------------------------------------------------------ late and repeated reports


def test_a_report_of_an_attempt_that_was_given_up_changes_nothing() -> None:
    driven = DrivenExecution(step("a", timeout="5s", retry={**STEADY, "max_attempts": 2})).claim()
    driven.advance(5)
    driven.advance_to_next()
    assert driven.running == {"a": 2}
    failure = Failure(kind=FailureKind.TASK, code="late", message="late")
    assert driven.do(c.StepDone(path="a", attempt=1, output="late")) == []
    assert driven.do(c.StepErred(path="a", attempt=1, failure=failure)) == []
    assert driven.do(c.StepSuspends(path="a", attempt=1, waits=())) == []
    assert driven.do(c.BudgetStops(path="a", attempt=1)) == []


def test_a_report_that_is_repeated_or_of_an_unknown_step_changes_nothing() -> None:
    driven = DrivenExecution(step("a"), step("b")).claim()
    driven.done("a", 1)
    assert driven.do(c.StepDone(path="a", attempt=1, output=2)) == []
    assert driven.do(c.StepDone(path="nowhere", attempt=1)) == []
    assert driven.x.values["a"] == 1


# ------------------------------------------------------------------ timeouts


def test_an_attempt_that_takes_too_long_has_failed() -> None:
    driven = DrivenExecution(step("a", timeout="5s")).claim()
    assert next_due(driven.x) == START + timedelta(seconds=5)
    driven.advance(5)
    assert (driven.failure.kind, driven.failure.code, driven.failure.step_id) == (
        FailureKind.TIMEOUT,
        "step_timeout",
        "a",
    )
    assert driven.running == {}


def test_a_timeout_spends_an_attempt_and_each_attempt_has_its_own() -> None:
    driven = DrivenExecution(step("a", timeout="5s", retry={**STEADY, "max_attempts": 2})).claim()
    driven.advance(5)
    assert driven.statuses() == {"a": "RETRYING"}
    driven.advance(10)
    assert driven.running == {"a": 2}
    driven.advance(4.9)
    assert driven.running == {"a": 2}
    driven.advance(0.1)
    assert driven.status() is E.FAILED


def test_the_timeout_of_a_map_cancels_what_is_inside() -> None:
    inner = step("n", "map", {"items": [1, 2], "steps": [step("x")]})
    driven = DrivenExecution(
        step("m", "map", {"items": [1], "steps": [inner]}, timeout="5s", on_error="continue")
    ).claim()
    driven.done("m[0].n[0].x")
    driven.advance(5)
    assert driven.statuses() == {
        "m": "FAILED",
        "m[0].n": "CANCELLED",
        "m[0].n[0].x": "SUCCEEDED",
        "m[0].n[1].x": "CANCELLED",
    }
    assert (driven.status(), driven.x.frames) == (E.SUCCEEDED, {})


def test_policies_are_taken_from_the_defaults_unless_a_step_says_otherwise() -> None:
    driven = DrivenExecution(
        step("a", needs=[]),
        step("b", needs=[], retry={"max_attempts": 1}),
        defaults={"retry": {**STEADY, "max_attempts": 2}, "on_error": "continue"},
    ).claim()
    driven.err("a")
    driven.err("b")
    assert driven.statuses() == {"a": "RETRYING", "b": "FAILED"}
