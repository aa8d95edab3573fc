"""Retries and forks: a new log that begins with what another execution recorded."""

from engine.domain.events import ItemEnded, ModelCalled, StepFailed, StepSkipped, StepSucceeded
from engine.domain.execution import commands as c
from engine.domain.failure import Usage
from engine.domain.status import ExecutionStatus
from engine.usecases.kept_runs import kept_events, with_descendants
from tests.domain.driven_execution import DrivenExecution, JsonObject, loop, over, step

E = ExecutionStatus
UNDO: JsonObject = {"kind": "task"}


def again(old: DrivenExecution, *, from_step: str | None = None) -> DrivenExecution:
    without = with_descendants(old.plan, from_step) if from_step else frozenset[str]()
    kept = kept_events(old.x, old.now, without=without)
    definition = {name: value for name, value in old.plan.definition.items() if name not in ("name", "steps")}
    return DrivenExecution(*old.plan.definition["steps"], input=old.x.state.input, kept=kept, **definition)


def test_a_retry_keeps_what_succeeded_and_runs_the_rest() -> None:
    old = DrivenExecution(step("a"), step("b"), step("c"), output="${ [steps.a.output, steps.c.output] }").claim()
    old.done("a", 1)
    old.err("b")
    new = again(old)
    assert (new.status(), new.statuses()) == (E.QUEUED, {"a": "SUCCEEDED"})
    new.claim()
    assert new.launched == [("b", 1)]
    new.done("b")
    new.done("c", 3)
    assert (new.status(), new.x.state.output) == (E.SUCCEEDED, [1, 3])


def test_what_was_skipped_stays_skipped_and_what_was_continued_stays_failed() -> None:
    old = DrivenExecution(
        step("a", when=False), step("b", needs=[], on_error="continue"), step("c", needs=["b"])
    ).claim()
    old.err("b", "broken")
    old.err("c")
    new = again(old)
    assert new.statuses() == {"a": "SKIPPED", "b": "FAILED"}
    assert [type(event) for event in new.log[1:]] == [StepSkipped, StepFailed]
    assert (new.x.state.done, new.x.state.failed) == (2, 1)
    new.claim()
    assert list(new.running) == ["c"]


def test_a_failure_whose_handler_failed_is_kept_and_handled_again() -> None:
    old = DrivenExecution(step("a", on_error={"step": "h"}), step("b"), step("h")).claim()
    old.err("a")
    old.err("h")
    new = again(old).claim()
    assert new.launched == [("h", 1)]
    new.done("h")
    assert list(new.running) == ["b"]


def test_what_was_undone_runs_again() -> None:
    old = DrivenExecution(step("a", compensate=UNDO), step("b")).claim()
    old.done("a")
    old.err("b")
    old.done("a.compensate")
    assert old.status() is E.FAILED
    assert again(old).claim().launched == [("a", 1)]


def test_what_was_kept_is_undone_when_the_new_execution_fails() -> None:
    old = DrivenExecution(step("a", compensate=UNDO), step("b")).claim()
    old.done("a")
    old.do(c.Cancel(force=True))
    new = again(old).claim()
    new.err("b")
    assert list(new.running) == ["a.compensate"]


def test_a_retry_that_is_cancelled_before_it_begins_undoes_what_it_took_over() -> None:
    old = DrivenExecution(step("a", compensate=UNDO), step("b")).claim()
    old.done("a")
    old.do(c.Cancel(force=True))
    new = again(old)
    new.do(c.Cancel())
    assert new.status() is E.RUNNING
    new.claim()
    new.done("a.compensate")
    assert new.status() is E.CANCELLED


def test_a_fork_runs_the_chosen_step_and_all_behind_it_again() -> None:
    old = DrivenExecution(step("a"), step("b"), step("c"), step("other", needs=["a"])).claim()
    for path in ("a", "b", "other", "c"):
        old.done(path, path)
    new = again(old, from_step="b").claim()
    assert new.statuses() == {"a": "SUCCEEDED", "other": "SUCCEEDED", "b": "RUNNING"}


def test_behind_a_step_come_its_handler_and_what_waits_for_that() -> None:
    plan = DrivenExecution(step("a", on_error={"step": "h"}), step("b"), step("h"), step("z", needs=[])).plan
    assert with_descendants(plan, "a") == {"a", "b", "h"}
    assert with_descendants(plan, "h") == {"h", "b"}


def test_a_failed_map_keeps_its_finished_items() -> None:
    old = DrivenExecution(
        over("m", [1, 2, 3], step("x"), step("y"), concurrency=3), output="${ steps.m.output }"
    ).claim()
    for path in ("m[0].x", "m[0].y", "m[1].x"):
        old.done(path, f"old {path}")
    old.err("m[2].x")
    new = again(old)
    assert list(new.x.frames) == ["m[0]", "m[1]"]
    new.claim()
    assert new.launched == [("m[1].y", 1), ("m[2].x", 1)]
    new.done("m[2].x")
    new.done("m[2].y", "new y2")
    new.done("m[1].y", "new y1")
    assert new.x.state.output == ["old m[0].y", "new y1", "new y2"]
    assert [event.index for event in new.events(ItemEnded)] == [0, 2, 1]


def test_a_failure_that_was_continued_inside_an_item_is_kept_as_well() -> None:
    inner = [step("x", on_error="continue"), step("y"), step("z")]
    old = DrivenExecution(over("m", [1], *inner)).claim()
    old.err("m[0].x")
    old.done("m[0].y")
    old.err("m[0].z")
    assert again(old).claim().launched == [("m[0].z", 1)]


def test_an_item_of_which_nothing_was_kept_is_not_left_out() -> None:
    old = DrivenExecution(
        over("m", [1, 2, 3], step("x"), step("y"), concurrency=2), output="${ steps.m.output }"
    ).claim()
    old.done("m[1].x", "kept")
    old.err("m[0].x")
    new = again(old).claim()
    assert new.launched == [("m[0].x", 1), ("m[1].y", 1)]
    new.done("m[1].y", "y1")
    assert list(new.running) == ["m[0].x", "m[2].x"]
    for path in ("m[0].x", "m[0].y", "m[2].x", "m[2].y"):
        new.done(path, path)
    assert new.x.state.output == ["m[0].y", "y1", "m[2].y"]


def test_a_map_whose_items_are_all_kept_ends_in_bounded_decisions() -> None:
    old = DrivenExecution(
        over("m", list(range(500)), step("x", "transform", {"value": 1})), step("b", "fail", {"message": "x"})
    )
    old.claim()
    failed = again(old, from_step="m")
    assert failed.statuses() == {}
    kept = [event for event in old.log if isinstance(event, StepSucceeded) and event.step_id != "m"]
    new = DrivenExecution(*old.plan.definition["steps"], kept=kept).claim()
    assert (new.statuses()["m"], new.launched) == ("SUCCEEDED", [])
    assert new.commits == 3


def test_a_map_that_succeeded_is_kept_as_a_whole() -> None:
    old = DrivenExecution(over("m", [1, 2], step("x")), step("b")).claim()
    old.done("m[0].x", "p")
    old.done("m[1].x", "q")
    old.err("b")
    new = again(old)
    assert new.statuses() == {"m": "SUCCEEDED"}
    assert new.x.values["m"] == ["p", "q"]


def test_a_failed_loop_goes_on_with_the_round_that_failed() -> None:
    old = DrivenExecution(
        loop("l", step("x"), step("y"), until="${ steps.y.output == 2 }"), output="${ steps.l.output }"
    )
    old.claim()
    old.done("l[0].x")
    old.done("l[0].y", 1)
    old.done("l[1].x", "kept")
    old.err("l[1].y")
    new = again(old).claim()
    assert new.launched == [("l[1].y", 1)]
    new.done("l[1].y", 2)
    assert (new.status(), new.x.state.output) == (E.SUCCEEDED, 2)


def test_an_inner_map_that_succeeded_is_kept_within_the_item_that_failed() -> None:
    inner = over("n", [1, 2], step("x"))
    old = DrivenExecution(over("m", [1], inner, step("end"))).claim()
    old.done("m[0].n[0].x", "p")
    old.done("m[0].n[1].x", "q")
    old.err("m[0].end")
    new = again(old).claim()
    assert new.launched == [("m[0].end", 1)]
    assert new.x.values["m[0].n"] == ["p", "q"]
    new.done("m[0].end")
    assert new.status() is E.SUCCEEDED


def test_what_was_used_is_shown_for_a_kept_step_and_not_paid_for_again() -> None:
    old = DrivenExecution(step("a"), step("b")).claim()
    used = Usage(input_tokens=3, model_calls=1)
    old.do(c.Observe(event=ModelCalled(at=old.now, step_id="a", model="m", usage=used)))
    old.done("a")
    old.err("b")
    new = again(old)
    assert (new.x.runs["a"].usage, new.x.state.usage) == (used, Usage())


def test_a_running_execution_may_be_forked_and_what_is_open_begins_anew() -> None:
    old = DrivenExecution(step("a"), step("b"), step("c", needs=[])).claim()
    old.done("c", "kept")
    new = again(old, from_step="b").claim()
    assert new.statuses() == {"c": "SUCCEEDED", "a": "RUNNING"}
