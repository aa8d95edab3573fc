"""The checks of real chaos find what they are there for."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.real.checks import check_execution
from tests.chaos.real.effects import Call, Effect
from tests.chaos.real.fleet import Kill
from tests.chaos.real.limits import check_limits
from tests.chaos.real.load import Accepted
from tests.chaos.real.recovery import percentile, recoveries
from tests.chaos.real.shapes import SHAPES

SHAPE = {shape.name: shape for shape in SHAPES}
ID = "ex_1"


def accepted(shape: str, execution_id: str = ID) -> Accepted:
    return Accepted(id=execution_id, shape=SHAPE[shape], input={"n": 1, "key": "k"}, key="")


def call(step: str, begin: float, end: float | None, *, execution: str = ID, pid: int = 1, attempt: int = 1) -> Call:
    effect = Effect(what="begin", execution=execution, step=step, attempt=attempt, pid=pid, at=begin)
    return Call(begin=effect, ended=end)


def event(name: str, at: float, **more: Any) -> dict[str, Any]:
    return {"__typename": name, "at": datetime.fromtimestamp(at, UTC).isoformat(), **more}


def step(name: str, step_id: str, at: float) -> dict[str, Any]:
    return event(name, at, stepId=step_id, attempt=1, kind="function")


def execution(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    numbered = [{**each, "seq": seq} for seq, each in enumerate(events, start=1)]
    return {"status": "SUCCEEDED", "output": None, "failure": None, "lastSeq": len(events), "events": numbered, **more}


GOOD = (step("StepStarted", "a", 10), step("StepSucceeded", "a", 11), event("ExecutionSucceeded", 12))
RAN = (call("a", 10.1, 11),)


def found(*events: dict[str, Any], calls: tuple[Call, ...] = RAN, **more: Any) -> list[str]:
    return list(check_execution(accepted("narrow"), execution(*events, **more), calls))


def test_an_execution_as_it_should_be_is_passed() -> None:
    assert found(*GOOD) == []


@pytest.mark.parametrize(
    ("problems", "said"),
    [
        (found(*GOOD[:2]), "terminal events stand at []"),
        (found(*GOOD, GOOD[2]), "terminal events stand at [3, 4]"),
        (found(*GOOD, lastSeq=4), "the last is said to be 4"),
        (found(*GOOD, status="FAILED"), "it is FAILED, its log says SUCCEEDED"),
        (found(*GOOD, output=3), "its output is 3"),
        (found(*GOOD[:2], GOOD[0], GOOD[2]), "StepStarted at 3 after its success at 2"),
        (found(*GOOD, calls=(*RAN, *RAN)), "a ran attempt 1 2 times; its start is recorded 1 times"),
        (found(*GOOD, calls=(call("a", 13, 14),)), "after its success"),
        (found(*GOOD, calls=(call("a", 10, None),)), "never came to its end"),
    ],
)
def test_what_is_wrong_with_an_execution_is_found(problems: list[str], said: str) -> None:
    assert any(said in problem for problem in problems), problems


def test_compensation_in_the_wrong_order_is_found() -> None:
    events = [step("StepSucceeded", name, 10) for name in "ab"] + [event("StepCompensated", 11, stepId=n) for n in "ab"]
    failed = execution(*events, event("ExecutionFailed", 12), status="FAILED")
    problems = list(check_execution(accepted("saga"), failed, ()))
    assert problems == [f"{ID} (saga): ['a', 'b'] succeeded and ['a', 'b'] were undone"]


def test_a_lane_in_which_too_many_run_is_found_and_a_killed_one_does_not_count() -> None:
    everything = {name: accepted("narrow", name) for name in ("ex_1", "ex_2", "ex_3")}
    calls = [call("a", 10, 20, execution=name) for name in ("ex_1", "ex_2")]
    third = call("a", 15, None, execution="ex_3", pid=7)
    kill = Kill(role="worker", pid=7, at=16, driven=())
    assert list(check_limits([*calls, third], everything, [kill])) == [
        "in the lane narrow 3 ran at a time; its limit is 2"
    ]
    early = call("a", 5, None, execution="ex_3", pid=7)
    assert list(check_limits([*calls, early], everything, [replace(kill, at=10)])) == []


def test_two_executions_with_one_concurrency_key_at_a_time_are_found() -> None:
    everything = {name: accepted("keyed", name) for name in ("ex_1", "ex_2")}
    between = [call("a", 1, 2), call("a", 3, 4, execution="ex_2"), call("b", 5, 6)]
    assert list(check_limits(between, everything, [])) == [
        "several executions with the concurrency key k ran at a time"
    ]
    assert list(check_limits([*between[1:], call("b", 4, 4, execution="ex_2")], everything, [])) == []


def test_recovery_is_measured_from_the_kill_to_the_next_event_of_a_worker() -> None:
    kill = Kill(role="worker", pid=1, at=10.5, driven=[RAN[0].begin])
    signalled = execution(GOOD[0], event("SignalReceived", 11), step("StepRetryScheduled", "a", 14))
    assert list(recoveries([kill], {ID: signalled})) == pytest.approx([3.5])
    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.5, 0.99, 1.0)] == [2.0, 3.0, 3.0]
