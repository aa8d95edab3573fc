"""What an expression refers to, and what is wrong with it, before anything runs."""

import pytest

from engine.domain.expressions import check, references
from engine.domain.expressions.chain import parse_chain
from engine.domain.expressions.checking import reference_to
from engine.domain.expressions.functions import FUNCTIONS

NAMES = ("input", "steps", "execution")


def test_every_expression_of_a_value_is_found_with_its_place() -> None:
    found = references({"a": ["x", "${ input.n } and ${ steps.s.output }"], "b": {"c": "${ secrets.t }"}, "d": 5})
    assert [(reference.source, reference.path) for reference in found] == [
        ("input.n", ("a", "1")),
        ("steps.s.output", ("a", "1")),
        ("secrets.t", ("b", "c")),
    ]


@pytest.mark.parametrize(
    ("source", "names", "steps"),
    [
        ("steps.a.output + steps['b'].output", {"steps"}, {"a", "b"}),
        ('has(steps.a.output) && steps["b"].status == "FAILED"', {"steps"}, {"a", "b"}),
        ("steps.?a.?output.orValue(input.x)", {"steps", "input"}, {"a"}),
        ("input.list.map(steps, steps.x)", {"input"}, set()),
        ("input.list.map(x, steps.a.output + x)", {"input", "steps"}, {"a"}),
        ("cel.bind(steps, input.s, steps.a)", {"input"}, set()),
        ("'steps.a'", set(), set()),
        ("math.ceil(double(input.x)) > 1.0 && type(input.x) == int", {"input"}, set()),
        ("base64.encode(b'x') + optional.of(loop.index).value()", {"loop"}, set()),
        ("{'steps': steps.a.output}.steps", {"steps"}, {"a"}),
        ("input[steps.a.output]", {"input", "steps"}, {"a"}),
        ("now() > timestamp(input.t)", {"now()", "input"}, set()),
        ("syntax error", set(), set()),
    ],
)
def test_names_and_steps_are_found_whatever_the_notation(source: str, names: set[str], steps: set[str]) -> None:
    reference = reference_to(source)
    assert (set(reference.names), set(reference.steps)) == (names, steps)


def test_the_secrets_that_are_used_are_named() -> None:
    (reference,) = references("${ secrets.a + secrets['b'] }")
    assert reference.uses_secrets
    assert reference.secrets == {"a", "b"}


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ("inptu.x > 1", "unknown name 'inptu'", "did you mean input?"),
        ("zzz.x > 1", "unknown name 'zzz'", "known here: execution, input, steps"),
        ("input.x.containz('a')", "unknown function 'containz' at character 17", "did you mean contains?"),
        ("input.x >", "syntax error: unexpected end at character 10", None),
        ("input.x\n  > ) 1", "syntax error: unexpected ')' at line 2, character 5", None),
        ("1 + 'a'", "'+' does not take (int, string), at character 3", None),
        ("steps", "'steps' can only be used with a fixed name, as in steps.x", None),
        ("", "syntax error: unexpected end at character 1", None),
    ],
)
def test_what_is_wrong_is_said_with_its_position_and_a_hint(source: str, message: str, hint: str | None) -> None:
    problem = check(source, NAMES)[0]
    assert (problem.message, problem.hint) == (message, hint)


def test_a_sound_expression_has_no_problem() -> None:
    assert check("steps.a.output.exists(x, x > input.n)", NAMES) == []
    assert check("input.n", NAMES) == []


def test_a_chain_is_checked_without_cel_like_any_other() -> None:
    assert parse_chain("itme.x") is not None
    assert check("itme.x", ["item"])[0].hint == "did you mean item?"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_that_messages_speak_of_exists(name: str) -> None:
    arguments = ["", "input", "input.x", "x, true", "a, 1, a", "input, input"]
    calls = [f"{start}{name}({inner})" for inner in arguments for start in ("", "input.", "optional.of(1).")]
    assert any(not check(call, NAMES) for call in calls)


def test_a_function_with_other_arguments_than_it_takes_is_said_to_exist() -> None:
    assert check("input.trim(1)", NAMES)[0].message == "'trim' does not take these arguments, at character 11"
