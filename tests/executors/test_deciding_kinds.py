"""The kinds that are decided on the spot, without a worker, and the choice that is left to a model."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from engine.domain.expressions import Scope
from engine.domain.failure import Budget, Usage
from engine.domain.kinds import Begin, Beginning, Execute, Fail, MapOver, Repeat, StepKind, Succeed, Wait
from engine.domain.status import FailureKind
from engine.domain.waiting import WaitKind
from engine.executors.approval import Approval
from engine.executors.decide import Decide
from engine.executors.fail import FailStep
from engine.executors.loop import Loop
from engine.executors.map_over import Map
from engine.executors.model_caller import ModelCaller
from engine.executors.models import ModelCatalogue
from engine.executors.port import BudgetReached, Done, StepFailure
from engine.executors.prices import Prices
from engine.executors.script import parse_scripts
from engine.executors.signal import Signal
from engine.executors.sleep import Sleep
from engine.executors.transform import Transform
from tests.executors.fake_step import FakeStepContext

SCRIPTS = parse_scripts("""
models:
  billing: {replies: [{reply: {choice: billing}}]}
  second: {replies: [{reply: {choice: "2"}}]}
  other: {replies: [{reply: {choice: neither}}]}
  down: {replies: [{error: {status: 500}}]}
  by-system: {replies: [{when: {system: "- bug: It does not work."}, reply: {choice: bug}}]}
  by-prompt: {replies: [{when: {contains: hunter2}, reply: {choice: bug}}]}
  numbered: {replies: [{when: {system: '- 2: {"n": [2]} - the other'}, reply: {choice: "2"}}]}
""")
DECIDE = Decide(ModelCaller(ModelCatalogue(SCRIPTS), Prices({})))
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHOOSE = {"from": ["a", "b"], "by": "scripted:second"}
NESTED = [{"id": "inner", "kind": "transform", "with": {"value": 1}}]


def begin(kind: StepKind, with_: dict[str, Any], **variables: Any) -> Begin:
    return kind.begin(
        Beginning(
            execution_id="ex_1",
            step_id="step",
            attempt=1,
            at=NOW,
            with_=kind.With.model_validate(with_),
            scope=Scope(variables, now=NOW),
        )
    )


def failed(begun: Begin) -> Any:
    assert isinstance(begun, Fail)
    return begun.failure


def waiting(begun: Begin) -> Any:
    assert isinstance(begun, Wait)
    return begun.waiting_for


@pytest.mark.parametrize("value", [None, 0, "", [1, {"a": None}]])
def test_transform_gives_its_value_and_keeps_its_type(value: Any) -> None:
    assert begin(Transform(), {"value": value}) == Succeed(value)


def test_transform_without_a_value_is_invalid() -> None:
    with pytest.raises(ValidationError):
        Transform.With.model_validate({})


# ------------------------------------------------------------------ decide


def test_decide_takes_the_first_case_that_holds_and_renders_its_value_alone() -> None:
    cases = [
        {"when": "input.total > 100", "value": "${ input.no_such_thing }"},
        {"when": "${ input.total > 10 }", "value": {"total": "${ input.total }"}},
        {"when": "1 / 0 == 1", "value": "never looked at"},
    ]
    assert begin(DECIDE, {"cases": cases}, input={"total": 50}) == Succeed({"total": 50})


def test_decide_falls_back_to_its_default_even_if_that_is_null() -> None:
    cases = [{"when": False, "value": 1}]
    assert begin(DECIDE, {"cases": cases, "default": "${ input.x }"}, input={"x": 7}) == Succeed(7)
    assert begin(DECIDE, {"cases": cases, "default": None}) == Succeed(None)


def test_decide_without_a_case_that_holds_and_without_default_fails() -> None:
    failure = failed(begin(DECIDE, {"cases": [{"when": "false", "value": 1}]}))
    assert (failure.code, failure.kind, failure.retryable) == ("no_case", FailureKind.TASK, False)


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ({"when": "input.missing", "value": 1}, ["with", "cases", "0", "when"]),
        ({"when": "input.total", "value": 1}, ["with", "cases", "0", "when"]),
        ({"when": True, "value": {"a": ["${ input.missing }"]}}, ["with", "cases", "0", "value", "a", "0"]),
    ],
)
def test_decide_says_which_expression_failed(case: dict[str, Any], path: list[str]) -> None:
    failure = failed(begin(DECIDE, {"cases": [case]}, input={"total": 1}))
    assert (failure.code, failure.details["path"]) == ("expression_failed", path)


# ------------------------------------------------------------------ decide: a model chooses


def choosing(model: str, options: Sequence[Any] = ("billing", "bug"), **by: Any) -> FakeStepContext:
    choose = {"from": list(options), "by": {"model": f"scripted:{model}", **by}}
    return FakeStepContext(with_=Decide.With.model_validate({"choose": choose}))


async def choice_failure(step: FakeStepContext) -> Any:
    with pytest.raises(StepFailure) as raised:
        await DECIDE.run(step)
    return raised.value.failure


def refused(with_: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as raised:
        Decide.With.model_validate(with_)
    return " / ".join(error["msg"] for error in raised.value.errors())


def test_a_choice_is_made_by_a_worker_and_cases_are_not() -> None:
    assert begin(DECIDE, {"choose": {"from": ["a", "b"], "by": "scripted:second"}}) == Execute()
    assert begin(DECIDE, {"cases": [{"when": True, "value": 1}]}) == Succeed(1)


async def test_the_model_chooses_a_word_and_the_call_is_counted() -> None:
    step = choosing("billing")
    assert await DECIDE.run(step) == Done("billing")
    assert [call.model for call in step.calls] == ["scripted:billing"]
    assert step.usage.model_calls == 1
    assert step.usage != Usage(model_calls=1), "tokens are counted too"


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ([None, 0], 0),
        (["a", 1], 1),
        ([1, "1"], "1"),
        (["same", "same"], "same"),
        (["", "two\nlines"], "two\nlines"),
        (["x" * 101, "y" * 101], "y" * 101),
        ([{"value": "a", "description": 1}, {"value": "b"}], {"value": "b"}),
        ([["a"], {"value": {"deep": [None]}, "description": "the second"}], {"deep": [None]}),
    ],
)
async def test_options_that_are_no_distinct_words_are_numbered_and_keep_their_type(
    options: list[Any], chosen: Any
) -> None:
    assert await DECIDE.run(choosing("second", options)) == Done(chosen)


async def test_the_model_is_told_the_options_with_their_descriptions_after_its_system_message() -> None:
    described = [{"value": "billing", "description": "Money."}, {"value": "bug", "description": "It does not work."}]
    assert await DECIDE.run(choosing("by-system", described, system="You sort tickets.")) == Done("bug")
    numbered = [{"n": [1]}, {"value": {"n": [2]}, "description": "the other"}]
    assert await DECIDE.run(choosing("numbered", numbered)) == Done({"n": [2]})


async def test_secrets_are_filled_in_for_the_model_alone() -> None:
    async def reveal(value: Any) -> Any:
        return {**value, "prompt": value["prompt"].replace("<secret>", "hunter2")}

    step = choosing("by-prompt", prompt="Which has <secret>?")
    step.revealed = reveal
    assert await DECIDE.run(step) == Done("bug")
    assert step.with_.choose.by.prompt == "Which has <secret>?"


async def test_a_reply_that_is_none_of_the_options_is_a_retryable_failure() -> None:
    step = choosing("other")
    failure = await choice_failure(step)
    assert (failure.code, failure.retryable) == ("output_schema_violation", True)
    assert step.usage.model_calls == 1


async def test_a_fallback_chooses_where_the_model_is_not_there() -> None:
    assert await DECIDE.run(choosing("down", fallbacks=["scripted:billing"])) == Done("billing")
    assert (await choice_failure(choosing("down"))).code == "model_unavailable"


async def test_a_choice_is_held_to_the_budget() -> None:
    step = choosing("billing")
    step.budget = Budget(max_model_calls=0)
    with pytest.raises(BudgetReached):
        await DECIDE.run(step)


@pytest.mark.parametrize("by", ["learned", {"learned": True}, {"model": "learned"}, {"prompt": "?"}, {}, None, 7, ""])
def test_a_choice_by_anything_but_a_model_is_refused_as_not_part_of_this_version(by: Any) -> None:
    assert "must name a model" in refused({"choose": {"from": ["a", "b"], "by": by}})
    assert "learned choices are not part of this version" in refused({"choose": {"from": ["a", "b"], "by": by}})


@pytest.mark.parametrize(
    ("with_", "message"),
    [
        ({}, "`cases` or `choose` is needed"),
        ({"default": 1}, "`cases` or `choose` is needed"),
        ({"cases": [{"when": True, "value": 1}], "choose": CHOOSE}, "`cases` and `choose` exclude each other"),
        ({"cases": [{"when": True, "value": 1}], "choose": "${ input.c }"}, "`cases` and `choose` exclude each other"),
        ({"cases": []}, "at least 1 item"),
        ({"choose": CHOOSE, "default": None}, "`default` belongs to `cases`"),
        ({"choose": {**CHOOSE, "from": ["only"]}}, "at least 2 items"),
        ({"choose": {**CHOOSE, "from": {"a": 1}}}, "valid list"),
        ({"choose": {**CHOOSE, "by": {"model": "a:b", "temprature": 1}}}, "Extra inputs are not permitted"),
    ],
)
def test_a_decision_is_either_by_cases_or_a_choice_of_at_least_two(with_: dict[str, Any], message: str) -> None:
    assert message in refused(with_)


# ------------------------------------------------------------------ waits


def test_approval_waits_for_people_until_its_timeout() -> None:
    asked = waiting(
        begin(
            Approval(),
            {
                "prompt": "Send?",
                "schema": {"type": "object"},
                "assignees": ["leads"],
                "timeout": "2d",
                "on_timeout": "continue",
            },
        )
    )
    assert (asked.kind, asked.prompt, asked.schema) == (WaitKind.APPROVAL, "Send?", {"type": "object"})
    assert (asked.assignees, asked.until, asked.on_timeout) == (("leads",), NOW + timedelta(days=2), "continue")


def test_signal_waits_by_name_and_without_limit_unless_it_has_a_timeout() -> None:
    awaited = waiting(begin(Signal(), {"name": "paid"}))
    assert (awaited.kind, awaited.signal, awaited.until, awaited.on_timeout) == (WaitKind.SIGNAL, "paid", None, "fail")


@pytest.mark.parametrize("kind", [Approval(), Signal()])
def test_a_schema_that_is_no_json_schema_is_refused_when_it_is_written(kind: StepKind) -> None:
    with pytest.raises(ValidationError, match="not a valid JSON Schema at properties/a/type"):
        kind.With.model_validate(
            {"prompt": "?", "name": "x", "schema": {"properties": {"a": {"type": "text"}}}}
            if kind.name == "approval"
            else {"name": "x", "schema": {"properties": {"a": {"type": "text"}}}}
        )


def test_sleep_fires_after_a_duration_or_at_a_time() -> None:
    assert waiting(begin(Sleep(), {"for": "90s"})).until == NOW + timedelta(seconds=90)
    at = waiting(begin(Sleep(), {"until": "2027-01-01T01:00:00+01:00"}))
    assert (at.kind, at.until) == (WaitKind.TIMER, datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "with_", [{}, {"for": "1s", "until": "2027-01-01T00:00:00Z"}, {"until": "2027-01-01T00:00:00"}]
)
def test_sleep_takes_exactly_one_end_which_is_unambiguous(with_: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sleep.With.model_validate(with_)


def test_fail_fails_for_good_with_what_it_says() -> None:
    failure = failed(begin(FailStep(), {"code": "out_of_stock", "message": "None left", "details": {"sku": 1}}))
    assert (failure.code, failure.message, failure.details) == ("out_of_stock", "None left", {"sku": 1})
    assert (failure.kind, failure.retryable, failure.step_id) == (FailureKind.TASK, False, "step")


# ------------------------------------------------------------------ nested steps


def test_map_unfolds_over_its_items() -> None:
    begun = begin(Map(), {"items": [1, 2], "steps": NESTED, "on_item_error": "continue", "output": "${ item }"})
    assert begun == MapOver(items=[1, 2], concurrency=10, continue_on_error=True, output="${ item }")


def test_map_refuses_more_items_than_its_limit() -> None:
    assert isinstance(begin(Map(limit=2), {"items": [1, 2], "steps": NESTED}), MapOver)
    assert failed(begin(Map(limit=2), {"items": [1, 2, 3], "steps": NESTED})).code == "too_many_items"


@pytest.mark.parametrize("wrong", [{"items": {"a": 1}}, {"concurrency": 0}, {"steps": []}, {"on_item_error": "skip"}])
def test_map_refuses_what_it_cannot_run(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Map.With.model_validate({"items": [], "steps": NESTED, **wrong})


def test_loop_repeats_until_its_condition_and_ends_after_25_rounds_by_default() -> None:
    begun = begin(Loop(), {"steps": NESTED, "until": "loop.index > 3"})
    assert begun == Repeat(until="loop.index > 3", max_rounds=25, output=None)


def test_fields_that_see_inner_names_are_deferred() -> None:
    assert {"steps", "output"} == Map.DEFERRED
    assert {"steps", "until", "output"} == Loop.DEFERRED
    assert {"cases", "default"} == Decide.DEFERRED
    assert (Map.NESTED, Loop.NESTED) == ("steps", "steps")
