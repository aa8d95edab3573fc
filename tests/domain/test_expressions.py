"""Rendering and evaluating expressions."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.domain.expressions import ExpressionFailed, Scope, condition, evaluate, render

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def scope(**variables: Any) -> Scope:
    return Scope(variables, now=NOW)


def failure(source: str, **variables: Any) -> str:
    with pytest.raises(ExpressionFailed) as caught:
        evaluate(source, scope(**variables))
    return caught.value.message


class Lazy(Mapping[str, Any]):
    """Steps that are made when they are asked for."""

    def __init__(self, entries: dict[str, Any]) -> None:
        self._entries = entries
        self.asked: list[str] = []

    def __getitem__(self, key: str) -> Any:
        self.asked.append(key)
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("nobody may look at all steps")

    def __len__(self) -> int:
        raise AssertionError("nobody may count all steps")

    def __contains__(self, key: object) -> bool:
        return key in self._entries


# ------------------------------------------------------------------ rendering


def test_a_string_that_is_one_expression_keeps_the_type_of_its_value() -> None:
    rendered = render({"n": "${ input.n }", "l": "${input.l}"}, scope(input={"n": 3, "l": [1, None]}))
    assert rendered == {"n": 3, "l": [1, None]}


def test_expressions_inside_text_become_text_and_other_values_json() -> None:
    values = {"s": "x y", "n": 1.5, "l": [1, "a"], "o": {"k": None}, "b": True, "z": None}
    text = render("${input.s}|${input.n}|${input.l}|${input.o}|${input.b}|${input.z}", scope(input=values))
    assert text == 'x y|1.5|[1,"a"]|{"k":null}|true|null'


def test_a_doubled_dollar_is_a_literal() -> None:
    assert render("costs $5, $${ input.n } and ${ input.n }$", scope(input={"n": 1})) == "costs $5, ${ input.n } and 1$"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${ {'a': {'b': 1}} }", {"a": {"b": 1}}),
        ("${ '}' }", "}"),
        ("${ \"{\" + '}' }", "{}"),
        (r"${ 'it\'s }' }", "it's }"),
        (r"${ r'\d}' }", r"\d}"),
        ('${ """a"}""" }', 'a"}'),
        ("${ '''}'''}", "}"),
        ("${ 1 // } \n + 1 }", 2),
    ],
)
def test_braces_inside_literals_and_comments_do_not_end_an_expression(text: str, expected: Any) -> None:
    assert render(text, scope()) == expected


def test_an_expression_that_is_not_closed_fails_at_its_place() -> None:
    with pytest.raises(ExpressionFailed, match="has no matching") as caught:
        render({"a": ["ok", "${ input.x "]}, scope(input={}))
    assert caught.value.path == ("a", "1")


def test_a_failure_names_the_expression_and_its_place() -> None:
    with pytest.raises(ExpressionFailed) as caught:
        render({"a": {"b": "x ${ input.missing } y"}}, scope(input={}))
    assert (caught.value.message, caught.value.source) == ("no such key: missing", "input.missing")
    assert caught.value.path == ("a", "b")


def test_without_secrets_a_string_that_mentions_them_is_left_as_it_was() -> None:
    text = "Bearer ${ secrets.token } for ${ input.who }"
    assert render(text, scope(input={"who": "me"})) == text
    assert render("${ 'secrets' }", scope()) == "secrets"
    assert render(text, scope(input={"who": "me"}), secrets={"token": "t"}) == "Bearer t for me"


def test_a_value_that_is_nested_too_deep_fails_instead_of_overflowing_the_stack() -> None:
    value: Any = "x"
    for _ in range(5_000):
        value = [value]
    with pytest.raises(ExpressionFailed, match="200 levels"):
        render(value, scope())


def test_the_value_that_is_rendered_is_not_changed() -> None:
    value = {"a": ["${ input.n }"]}
    render(value, scope(input={"n": 1}))
    assert value == {"a": ["${ input.n }"]}


# ------------------------------------------------------------------ conditions


def test_a_condition_may_stand_with_or_without_braces() -> None:
    assert condition("${ input.n > 1 }", scope(input={"n": 2}))
    assert not condition("input.n > 1", scope(input={"n": 1}))
    assert condition(True, scope())  # noqa: FBT003 - as `when: true` is given


@pytest.mark.parametrize("text", ["${ input.n }", "input.n", "${ null }"])
def test_a_condition_that_is_not_boolean_fails(text: str) -> None:
    with pytest.raises(ExpressionFailed, match="must be true or false"):
        condition(text, scope(input={"n": 1}))


def test_a_condition_is_all_of_the_text() -> None:
    with pytest.raises(ExpressionFailed, match="one expression"):
        condition("${ true } or so", scope())


# ------------------------------------------------------------------ values


def test_now_is_the_time_of_the_scope() -> None:
    assert evaluate("now()", scope()) == "2026-03-01T12:30:00.000000Z"
    assert evaluate("now() + duration('90s') > timestamp('2026-03-01T12:31:00Z')", scope())
    assert evaluate("'now()'", scope()) == "now()"


def test_loop_is_a_variable_although_cel_reserves_the_word() -> None:
    assert evaluate("loop.index + 1", scope(loop={"index": 2})) == 3
    assert evaluate("input.loop + 1", scope(input={"loop": 1})) == 2
    assert evaluate("'loop'", scope(loop={})) == "loop"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("2u", 2),
        ("b'abc'", "YWJj"),
        ("timestamp('2026-01-02T03:04:05.5+01:00')", "2026-01-02T02:04:05.500000Z"),
        ("duration('90m')", "PT1H30M"),
        ("optional.none()", None),
        ("optional.of([1])", [1]),
        ("input.?missing", None),
        ("input.?n", 7),
        ("[?input.?missing, 1]", [1]),
        ("math.greatest(1, 5, 3)", 5),
        ("'a,b'.split(',')", ["a", "b"]),
        ("base64.encode(b'x')", "eA=="),
        ("cel.bind(x, input.n, x * x)", 49),
        ("input.big", 2**63 + 1),
        ("input.n > 5 && has(input.n) && !has(input.nothing)", True),
    ],
)
def test_results_are_plain_json(source: str, expected: Any) -> None:
    assert evaluate(source, scope(input={"n": 7, "big": 2**63 + 1})) == expected


def test_the_keys_of_objects_made_by_cel_always_come_in_one_order() -> None:
    assert list(evaluate("{'z': 1, 'a': 2, 'm': 3, 'b': 4}", scope())) == ["a", "b", "m", "z"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("input.x", "no such key: x"),
        ("input.list[3]", "index 3 is out of range: the list has 2 items"),
        ("input.list.x", "a field was read from a value that is not an object"),
        ("1.0 / 0.0", "the result holds inf, which is not JSON"),
        ("{1: 2}", "the result has the key 1, and JSON keys are text"),
        ("type(1)", "the result holds a value that is not JSON"),
        ("{'a': optional.none()}", "the result holds an optional value: use orValue(...)"),
        ("[optional.of(1)]", "the result holds an optional value: use orValue(...)"),
        ("1 / 0", "divide by zero"),
        ("input.n + 1.5", "'+' does not take (int, double)"),
        ("inptu.x", "unknown name 'inptu'"),
        ("input.", "syntax error: unexpected '.' at character 7"),
        ("input.list.mapp(1)", "unknown function 'mapp' at character 16"),
        ("steps", "'steps' can only be used with a fixed name, as in steps.x"),
        ("steps[input.n]", "'steps' can only be used with a fixed name, as in steps.x"),
    ],
)
def test_failures_say_what_is_wrong_in_plain_words(source: str, message: str) -> None:
    assert message in failure(source, input={"n": 1, "list": [1, 2]}, steps={})


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", ["x", "a\0b"], {"k": "\udfff"}, {"\ud800": 1}])
def test_text_that_the_library_cannot_read_is_a_failure_and_not_cut_short(bad: Any) -> None:
    assert "cannot be read" in failure("size(input.bad) + 1", input={"bad": bad})


def test_bad_text_elsewhere_does_not_matter() -> None:
    assert evaluate("input.n + 1", scope(input={"n": 1, "bad": "a\0b"})) == 2


def test_a_source_with_a_lone_surrogate_fails() -> None:
    assert "not valid Unicode" in failure("'\ud800' + 'x'")


# ------------------------------------------------------------------ steps


def test_only_the_steps_that_are_named_are_looked_up() -> None:
    steps = Lazy({"a": {"output": 1}, "b": {"output": 2}, "c": {"output": 3}})
    assert evaluate('steps.a.output + steps["b"].output', scope(steps=steps)) == 3
    assert evaluate("steps.a.output", scope(steps=steps)) == 1
    assert sorted(set(steps.asked)) == ["a", "b"]


def test_a_step_that_is_not_there_is_a_missing_key() -> None:
    steps = Lazy({"a": {"output": 1}})
    assert failure("steps.zz.output", steps=steps) == "no such key: zz"
    assert failure("steps.zz.output + 1", steps=steps) == "no such key: zz"
    assert evaluate("has(steps.zz) || has(steps.a)", scope(steps=steps))


def test_a_macro_variable_may_be_called_like_a_variable() -> None:
    assert evaluate("[1, 2].map(steps, steps + 1)", scope(steps=Lazy({}))) == [2, 3]


def test_an_extended_scope_leaves_the_first_one_as_it_was() -> None:
    first = scope(input=1)
    second = first.extend(item=2, input=3)
    assert dict(first) == {"input": 1}
    assert dict(second) == {"input": 3, "item": 2}
    assert second.now == NOW
