"""Definitions: every problem at once, each in its place."""

from time import process_time
from typing import Any

import pytest

from engine.domain.validation import DefinitionLimits, validate_definition
from engine.domain.validation.document import MOST_PROBLEMS
from tests.domain.step_kinds import KINDS, step, workflow

LIMITS = DefinitionLimits()


def problems(document: Any, limits: DefinitionLimits = LIMITS) -> list[tuple[str, str, str | None]]:
    found = validate_definition(document, KINDS, limits)
    return [(".".join(problem.path), problem.message, problem.hint) for problem in found]


def messages(document: Any) -> list[tuple[str, str]]:
    return [(path, message) for path, message, _ in problems(document)]


VALID = workflow(
    step("first", "call", with_={"call": "x", "args": {"token": "${ secrets.token }"}, "tries": "${ input.tries }"}),
    step("second", when="${ steps.first.output.ok }", retry={"max_attempts": 3}, timeout="1h", on_error={"step": "rescue"}),
    step("rescue", with_={"value": "${ steps.second.failure.message }"}),
    step("each", "map", with_={"items": "${ input.list }", "steps": [
        step("one", with_={"value": "${ item + index + steps.first.output }"}),
        step("two", "call", with_={"call": "${ steps.one.output }", "args": {"key": "${ secrets.k }"}}),
    ], "output": "${ [item, steps.two.output] }"}),
    step("again", "loop", needs=["first"], with_={"steps": [step("one", when="loop.index < 3 && loop.last != 1")],
                                                   "until": "steps.one.output > 2", "output": "${ steps.one.output }"}),
    step("graph", "graph", with_={"nodes": {"a": {"with": "${ state.x }", "update": "${ output }"}}, "edges": [{"when": "state.done"}]}),
    step("undone", compensate={"kind": "call", "with": {"call": "${ steps.undone.output }"}}),
    input={"type": "object", "properties": {"list": {"type": "array"}}},
    output={"all": "${ steps.each.output + steps.again.output }", "at": "${ now() }"},
    concurrency={"key": "${ input.customer }"},
)  # fmt: skip


def test_a_valid_definition_has_no_problems() -> None:
    assert problems(VALID) == []


def test_every_problem_is_found_at_once_in_the_order_of_the_document() -> None:
    document = workflow(
        step("a", "cal"),
        step("b", "call", with_={"cal": "x", "tries": "many", "mode": "fats"}, timout="5s"),
        step("c", needs=["bb"], when="${ input.x > }", timeout="soon"),
        name="Not A Name",
        priority=1.5,
    )
    assert problems(document) == [
        ("name", "must match ^[a-z0-9-]{1,63}$", None),
        ("priority", "must be a whole number", None),
        ("steps.0.kind", "there is no step kind 'cal'", "did you mean call?"),
        ("steps.1.timout", "is not a known field", "did you mean timeout?"),
        ("steps.1.with.cal", "is not a known field", "did you mean call?"),
        ("steps.1.with.call", "is required", None),
        ("steps.1.with.mode", "must be 'fast' or 'slow'", "did you mean fast?"),
        ("steps.1.with.tries", "must be a whole number", None),
        ("steps.2.needs.0", "there is no step 'bb' in this list", "did you mean b?"),
        ("steps.2.timeout", "'soon' is not a duration: write 500ms, 10s, 5m, 2h, 7d or ISO 8601 such as PT30S", None),
        ("steps.2.when", "syntax error: unexpected end at character 10", None),
    ]


@pytest.mark.parametrize("document", [None, 5, "x", [], [{}], True])
def test_what_is_no_object_is_one_problem(document: Any) -> None:
    assert messages(document) == [("", "a workflow definition is an object with `name` and `steps`")]


@pytest.mark.parametrize(
    "steps",
    [
        5,
        None,
        {},
        [5, None, [], "x"],
        [{"id": 5, "kind": [], "with": 3, "needs": {}}],
        [{"id": "a", "kind": "map", "with": {"steps": [3]}}],
    ],
)
def test_malformed_steps_are_problems_and_never_exceptions(steps: Any) -> None:
    found = problems({"name": "test", "steps": steps})
    assert found
    assert all(path.startswith("steps") for path, _, _ in found)


def test_a_union_is_one_problem_about_what_was_meant() -> None:
    document = workflow(step("a", on_error="contniue"), step("b", on_error={"stp": "a"}), step("c", when=5))
    assert problems(document) == [
        ("steps.0.on_error", "must be 'fail' or 'continue' or an object", "did you mean continue?"),
        ("steps.1.on_error.step", "is required", None),
        ("steps.1.on_error.stp", "is not a known field", "did you mean step?"),
        ("steps.2.when", "must be text or true or false", None),
    ]


def test_an_empty_list_of_steps_is_a_problem() -> None:
    document = workflow(step("m", "map", with_={"items": [], "steps": []}))
    assert messages(workflow()) == [("steps", "must have at least 1 entries, and has 0")]
    assert messages(document) == [("steps.0.with.steps", "must have at least 1 entries, and has 0")]


def test_a_template_stands_for_a_value_of_any_type_but_only_inside_with() -> None:
    with_ = {
        "call": "x",
        "tries": "${ input.n }",
        "mode": "${ input.m }",
        "wait": "${ input.w }",
        "args": "${ input.a }",
    }
    assert problems(workflow(step("a", "call", with_=with_))) == []
    assert messages(workflow(step("a", timeout="${ input.t }")))[0][0] == "steps.0.timeout"


def test_a_template_cannot_stand_for_what_is_never_rendered_as_a_whole() -> None:
    document = workflow(
        step("m", "map", with_={"items": "${ input.items }", "steps": "${ input.steps }"}),
        step("g", "graph", with_={"nodes": {"n": {"kind": "map", "with": {"items": [], "steps": "${ input.x }"}}}}),
        step("h", "graph", with_={"nodes": {}, "edges": "${ input.edges }"}),
    )
    assert messages(document) == [
        ("steps.0.with.steps", "must be a list"),
        ("steps.1.with.nodes.n.with.steps", "must be a list"),
        ("steps.2.with.edges", "must be a list"),
    ]


# ------------------------------------------------------------------ ids and order


def test_an_id_is_used_once_in_its_list_but_may_come_back_in_a_nested_one() -> None:
    inner = step("m", "map", with_={"items": [], "steps": [step("a"), step("m")]})
    assert messages(workflow(step("a"), inner, step("a"))) == [
        ("steps.2.id", "the id 'a' is taken by the step at steps.0")
    ]


def test_a_circle_is_named() -> None:
    document = workflow(step("a", needs=["c"]), step("b", needs=["a"]), step("c", needs=["b"]), step("d", needs=["c"]))
    assert messages(document) == [("steps.0.needs", "the steps wait for each other in a circle: a -> c -> b -> a")]


def test_every_circle_is_named() -> None:
    document = workflow(*(step(one, needs=[other]) for one, other in ("ab", "ba", "cd", "dc")))
    assert [message for _, message in messages(document)] == [
        "the steps wait for each other in a circle: a -> b -> a",
        "the steps wait for each other in a circle: c -> d -> c",
    ]


def test_a_step_cannot_need_itself() -> None:
    assert messages(workflow(step("a", needs=["a"]))) == [("steps.0.needs.0", "a step cannot need itself")]


def test_a_need_cannot_lead_out_of_its_list() -> None:
    inner = step("m", "map", with_={"items": [], "steps": [step("x", needs=["a"])]})
    assert messages(workflow(step("a"), inner)) == [
        ("steps.1.with.steps.0.needs.0", "there is no step 'a' in this list")
    ]


def test_a_handler_has_to_exist_and_cannot_handle_itself() -> None:
    document = workflow(step("a", on_error={"step": "rescu"}), step("b", on_error={"step": "b"}), step("rescue"))
    assert problems(document) == [
        ("steps.0.on_error.step", "there is no step 'rescu' in this list", "did you mean rescue?"),
        ("steps.1.on_error.step", "a step cannot handle its own failure", None),
    ]


def test_handlers_that_handle_each_other_are_a_circle() -> None:
    document = workflow(step("a", needs=[], on_error={"step": "b"}), step("b", needs=[], on_error={"step": "a"}))
    assert "in a circle" in messages(document)[0][1]


def test_a_step_that_needs_its_own_handler_is_a_circle() -> None:
    document = workflow(step("a", needs=["h"], on_error={"step": "h"}), step("h"))
    assert "in a circle" in messages(document)[0][1]


def test_a_handler_in_the_defaults_has_to_be_in_every_list() -> None:
    inner = step("m", "map", with_={"items": [], "steps": [step("x")]})
    document = workflow(step("a"), inner, step("h"), defaults={"on_error": {"step": "h"}})
    assert messages(document) == [("steps.1.with.steps", "`defaults` names the handler 'h', which is not in this list")]


# ------------------------------------------------------------------ names in expressions


def test_an_expression_may_name_ancestors_alone() -> None:
    document = workflow(
        step("a", needs=[], with_={"value": "${ steps.b.output }"}),
        step("b", needs=[], with_={"value": "${ steps.b.output }"}),
        step("c", needs=["a"], with_={"value": "${ steps.a.output + steps.d.output }"}),
    )
    assert problems(document) == [
        ("steps.0.with.value", "step 'b' does not come before this one", "add b to `needs`"),
        ("steps.1.with.value", "a step cannot read its own result", None),
        ("steps.2.with.value", "there is no step 'd'", None),
    ]


def test_a_handler_may_name_the_steps_it_handles_and_what_comes_before_them() -> None:
    document = workflow(
        step("a"),
        step("b", on_error={"step": "h"}),
        step("h", with_={"value": "${ steps.b.failure + steps.a.output }"}),
        step("z", with_={"value": "${ steps.b.output }"}),
    )
    assert problems(document) == []


def test_what_comes_after_a_handler_does_not_follow_it_unless_it_says_so() -> None:
    document = workflow(step("b", on_error={"step": "h"}), step("h"), step("z", with_={"value": "${ steps.h.output }"}))
    assert messages(document) == [("steps.2.with.value", "step 'h' does not come before this one")]


def test_inner_steps_see_outer_ancestors_and_outer_steps_only_the_whole() -> None:
    inner = [step("x", with_={"value": "${ steps.before.output + steps.after.output + steps.m.output }"})]
    document = workflow(
        step("before"),
        step("m", "map", with_={"items": [], "steps": inner}),
        step("after", with_={"value": "${ steps.x.output }"}),
    )
    assert messages(document) == [
        ("steps.1.with.steps.0.with.value", "step 'after' does not come before this one"),
        ("steps.1.with.steps.0.with.value", "step 'm' does not come before this one"),
        ("steps.2.with.value", "there is no step 'x'"),
    ]


def test_the_innermost_list_that_has_an_id_decides() -> None:
    inner = [step("x", needs=[], with_={"value": "${ steps.a.output }"}), step("a", needs=[])]
    document = workflow(step("a"), step("m", "map", with_={"items": [], "steps": inner}))
    assert messages(document) == [("steps.1.with.steps.0.with.value", "step 'a' does not come before this one")]


@pytest.mark.parametrize("name", ["item", "index", "loop", "state", "output"])
def test_names_of_composite_kinds_exist_inside_them_alone(name: str) -> None:
    assert messages(workflow(step("a", with_={"value": f"${{ {name} }}"}))) == [
        ("steps.0.with.value", f"unknown name '{name}'")
    ]


def test_items_are_rendered_before_there_is_an_item() -> None:
    document = workflow(step("m", "map", with_={"items": "${ [item] }", "steps": [step("x")]}))
    assert messages(document) == [("steps.0.with.items", "unknown name 'item'")]


@pytest.mark.parametrize(
    "document",
    [
        workflow(step("a", when="${ secrets.x == '' }")),
        workflow(step("a"), output="${ secrets.x }"),
        workflow(step("a"), concurrency={"key": "${ secrets.x }"}),
        workflow(step("a", with_={"value": "${ secrets.x }"})),
        workflow(step("a", cache_key="${ secrets.x }")),
        workflow(step("m", "map", with_={"items": [], "steps": [step("x")], "output": "${ secrets.x }"})),
    ],
)
def test_secrets_are_known_only_where_a_worker_runs_the_step(document: Any) -> None:
    assert [message for _, message in messages(document)] == ["secrets cannot be used here"]


def test_before_the_start_there_are_no_steps() -> None:
    document = workflow(step("a"), concurrency={"key": "${ steps.a.output }"})
    assert messages(document) == [("concurrency.key", "unknown name 'steps'")]


def test_an_expression_that_is_not_closed_is_a_problem() -> None:
    found = messages(workflow(step("a", with_={"value": ["x", "${ input.x"]})))
    assert found == [("steps.0.with.value.1", "'${' at character 1 has no matching '}'")]


def test_a_compensation_is_checked_like_a_step() -> None:
    document = workflow(
        step("a", compensate={"kind": "call", "with": {"cal": "x", "args": {"y": "${ steps.b.output }"}}}),
        step("b", compensate={"kind": "map", "with": {}}),
        step("c", compensate={"kind": "nope"}),
    )
    assert messages(document) == [
        ("steps.0.compensate.with.args.y", "step 'b' does not come before this one"),
        ("steps.0.compensate.with.cal", "is not a known field"),
        ("steps.0.compensate.with.call", "is required"),
        ("steps.1.compensate.kind", "a compensation cannot be of kind map"),
        ("steps.2.compensate.kind", "there is no step kind 'nope'"),
    ]


# ------------------------------------------------------------------ nested parts


def test_nested_steps_are_checked_in_the_same_way() -> None:
    inner = [step("x", "call", with_={"cal": "x"}), step("y", neds=[]), {"kind": "value", "with": {"value": 1}}]
    found = problems(workflow(step("m", "map", with_={"items": [], "steps": inner})))
    assert found == [
        ("steps.0.with.steps.0.with.cal", "is not a known field", "did you mean call?"),
        ("steps.0.with.steps.0.with.call", "is required", None),
        ("steps.0.with.steps.1.neds", "is not a known field", "did you mean needs?"),
        ("steps.0.with.steps.2.id", "is required", None),
    ]


def test_the_nodes_of_a_graph_fit_their_kinds() -> None:
    nodes = {"a": {"kind": "cal"}, "b": {"kind": "call", "with": {"cal": "${ state.x }", "call": "${ secrets.x }"}}}
    document = workflow(
        step("g", "graph", with_={"nodes": nodes, "edges": [{"when": "state.x + itme"}, {"when": "${ secrets.x }"}]})
    )
    assert problems(document) == [
        ("steps.0.with.edges.0.when", "unknown name 'itme'", "known here: execution, input, output, state, steps"),
        ("steps.0.with.edges.1.when", "secrets cannot be used here", "only kinds that call out know them"),
        ("steps.0.with.nodes.a.kind", "there is no step kind 'cal'", "did you mean call?"),
        ("steps.0.with.nodes.b.with.cal", "is not a known field", "did you mean call?"),
    ]


def test_bad_schemas_are_problems_in_their_place() -> None:
    document = workflow(step("a", "call", with_={"call": "x", "schema": {"type": "strin"}}), input={"$ref": "http://x"})
    assert [path for path, _ in messages(document)] == ["input.$ref", "steps.0.with.schema.type"]


# ------------------------------------------------------------------ lines, limits, time


def test_a_problem_has_the_line_of_the_nearest_place_that_is_known() -> None:
    lines = {(): 1, ("steps", "0"): 3, ("steps", "0", "kind"): 4}
    found = validate_definition(workflow(step("a", "nope", bad=1), name=5), KINDS, LIMITS, lines)
    assert [(problem.path[-1], problem.line) for problem in found] == [("name", 1), ("bad", 3), ("kind", 4)]


def test_limits_are_reported_alone() -> None:
    many = workflow(*(step(f"s{n}", "nope") for n in range(10_000)))
    assert messages(many) == [
        ("steps", "the definition has 10,000 steps, nested ones included, and the limit is 2,000")
    ]
    nested = workflow(step("m", "map", with_={"items": [], "steps": [step(f"s{n}") for n in range(2_000)]}))
    assert "2,001 steps" in messages(nested)[0][1]
    large = workflow(step("a", with_={"value": "x" * 1_100_000}))
    assert "the limit is 1,048,576" in messages(large)[0][1]
    listed = workflow(step("m", "map", with_={"items": [0] * 10_001, "steps": [step("x")]}))
    assert messages(listed) == [("steps.0.with.items", "the map has 10,001 items, and the limit is 10,000")]


def test_what_is_not_json_is_reported_alone() -> None:
    deep: Any = 1
    for _ in range(3_000):
        deep = [deep]
    assert "200 levels" in messages(workflow(step("a", with_={"value": deep})))[0][1]
    assert "NUL" in messages(workflow(step("a", with_={"value": "\0"})))[0][1]


def test_two_thousand_steps_are_checked_in_good_time() -> None:
    chain = [
        step("s0"),
        *(step(f"s{n}", with_={"value": f"${{ steps.s{n - 1}.output + {n} }}"}) for n in range(1, 2_000)),
    ]
    circle = [step(f"s{n}", needs=[f"s{(n + 1) % 2_000}"], bad=1) for n in range(2_000)]
    started = process_time()
    assert problems(workflow(*chain)) == []
    assert len(problems(workflow(*circle))) == MOST_PROBLEMS
    assert process_time() - started < 5


def test_no_more_problems_are_looked_for_than_anybody_reads() -> None:
    steps = [step(f"step{at}", needs=[f"stop{one}" for one in range(100)]) for at in range(300)]
    found = problems(workflow(*steps))
    assert len(found) == MOST_PROBLEMS
    assert found[0] == ("steps.0.needs.0", "there is no step 'stop0' in this list", "did you mean step0?")
