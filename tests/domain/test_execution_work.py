"""How much work a decision is: bounded, and not growing with what was done before. Calls are counted, not time."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from engine.domain.events import ItemEnded, StepStarted
from engine.domain.execution import Decision, decide
from engine.domain.execution import commands as c
from engine.domain.execution.work import STARTS_PER_DECISION
from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from tests.domain.driven_execution import DrivenExecution, over, step


def calls(work: Callable[[], Any]) -> int:
    """How many Python functions are called. Copying a dict is none."""
    count = 0

    def on_event(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(on_event)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def calls_to_decide(driven: DrivenExecution, command: c.Command) -> int:
    decide(driven.x, command, driven.now)  # whatever is compiled once is compiled now
    return calls(lambda: decide(driven.x, command, driven.now))


def done(path: str) -> c.StepDone:
    return c.StepDone(path=path, attempt=1)


def erred(path: str) -> c.StepErred:
    return c.StepErred(path=path, attempt=1, failure=Failure(kind=FailureKind.TASK, code="broken", message="no"))


def test_in_a_chain_every_decision_is_the_same_work() -> None:
    driven = DrivenExecution(*(step(f"s{n}") for n in range(500))).claim()
    counts = {}
    for n in range(490):
        if n in (5, 480):
            counts[n] = calls_to_decide(driven, done(f"s{n}"))
        driven.done(f"s{n}")
    assert counts[5] == counts[480]


def test_in_a_long_item_every_decision_is_the_same_work() -> None:
    driven = DrivenExecution(over("m", [1], *(step(f"s{n}") for n in range(200)))).claim()
    counts = {}
    for n in range(190):
        if n in (5, 180):
            counts[n] = calls_to_decide(driven, done(f"m[0].s{n}"))
        driven.done(f"m[0].s{n}")
    assert counts[5] == counts[180]


def test_the_end_of_an_item_is_the_same_work_however_many_there_are() -> None:
    few, many = (
        DrivenExecution(over("m", list(range(items)), step("x"), step("y"), concurrency=50)).claim()
        for items in (100, 10_000)
    )
    for driven in (few, many):
        driven.done("m[7].x")
    assert calls_to_decide(few, done("m[7].y")) == calls_to_decide(many, done("m[7].y"))


def test_the_failure_of_an_item_is_the_same_work_however_many_are_under_way() -> None:
    def failing(concurrency: int) -> int:
        items = list(range(2 * concurrency))
        inner = [step("x", retry={"max_attempts": 1}), step("y", needs=[])]
        driven = DrivenExecution(over("m", items, *inner, concurrency=concurrency, on_item_error="continue")).claim()
        driven.err("m[0].x")
        return calls_to_decide(driven, erred("m[1].x"))

    assert failing(10) == failing(500)


def test_the_end_of_a_step_is_the_same_work_however_many_runs_others_have_inside() -> None:
    def ending(others: int) -> int:
        driven = DrivenExecution(step("a"), *(step(f"g{n}", needs=[]) for n in range(others))).claim()
        for n in range(others):
            begun = StepStarted(at=driven.now, step_id=f"g{n}.node", attempt=1, kind="llm", watched=True)
            driven.do(c.Observe(event=begun))
        return calls_to_decide(driven, done("a"))

    assert ending(2) == ending(150)


def test_a_map_is_linear_work_to_run_and_to_fold() -> None:
    def work(items: int) -> tuple[int, int]:
        driven = DrivenExecution(over("m", list(range(items)), step("x"), step("y"), concurrency=10)).claim()
        run = 0
        while driven.running:
            report = done(next(iter(driven.running)))
            run += calls(partial(decide, driven.x, report, driven.now))
            driven.do(report)
        return run, calls(driven.fold)

    work(10)
    (run, fold), (longer_run, longer_fold) = work(40), work(400)
    assert longer_run < 11 * run
    assert longer_fold < 11 * fold


def test_undoing_is_linear_work() -> None:
    def work(steps: int) -> int:
        undo = {"kind": "transform", "with": {"value": 1}}
        chain = [step(f"s{n}", "transform", {"value": 1}, compensate=undo) for n in range(steps)]
        driven = DrivenExecution(*chain, step("end")).claim()
        return calls_to_decide(driven, erred("end"))

    assert work(180) < 9.5 * work(20)


def test_a_wide_map_begins_in_pieces() -> None:
    driven = DrivenExecution(over("m", list(range(10_000)), step("x"), concurrency=1000))
    started = decide(driven.x, c.Claim(worker="w1"), driven.now)
    assert started.more
    assert sum(isinstance(event, StepStarted) for event in started.events) <= STARTS_PER_DECISION
    further = decide(started.execution, c.Advance(), driven.now)
    assert further.more
    assert sum(isinstance(event, StepStarted) for event in further.events) <= STARTS_PER_DECISION


def test_ten_thousand_items_that_are_decided_on_the_spot_are_bounded_work_for_each_decision() -> None:
    driven = DrivenExecution(over("m", list(range(10_000)), step("x", "transform", {"value": "${ item }"})))
    decision: Decision = decide(driven.x, c.Claim(worker="w1"), driven.now)
    decisions, ended, most = 1, 0, 0
    while decision.more:
        most = max(most, len(decision.events))
        ended += sum(isinstance(event, ItemEnded) for event in decision.events)
        decision = decide(decision.execution, c.Advance(), driven.now)
        decisions += 1
    assert most <= 3 * STARTS_PER_DECISION
    assert decision.execution.state.status == "SUCCEEDED"
    assert decision.execution.values["m"] == list(range(10_000))
    assert 100 <= decisions <= 101
