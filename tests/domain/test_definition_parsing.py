"""Definitions as text: YAML 1.2 and JSON."""

from time import process_time
from typing import Any

import pytest

from engine.domain.errors import PayloadTooLarge, ValidationFailed
from engine.usecases.parse_definition import parse_definition


def document(source: Any) -> Any:
    return parse_definition(source).document


def refused(source: Any) -> list[tuple[str, str, int | None]]:
    with pytest.raises(ValidationFailed) as caught:
        parse_definition(source)
    return [(".".join(problem.path), problem.message, problem.line) for problem in caught.value.problems]


def test_plain_values_are_those_of_yaml_1_2() -> None:
    text = """
    on: yes
    off: no
    truth: [true, False, TRUE]
    nothing: [~, null, '', ]
    empty:
    whole: [1, -2, +3, 010, 0x1F, 0o17]
    real: [1.5, 1e3, -.5, 3.]
    text: [1:30, 2026-01-02, 1_000, 0b1, y, n, nan, "5", 'true', !!str 5]
    """
    assert document(text) == {
        "on": "yes",
        "off": "no",
        "truth": [True, False, True],
        "nothing": [None, None, ""],
        "empty": None,
        "whole": [1, -2, 3, 10, 31, 15],
        "real": [1.5, 1000.0, -0.5, 3.0],
        "text": ["1:30", "2026-01-02", "1_000", "0b1", "y", "n", "nan", "5", "true", "5"],
    }


def test_every_value_has_its_line() -> None:
    lines = parse_definition("name: x\nsteps:\n  - id: a\n    with:\n      x: [1,\n          2]\n  - {id: b}\n").lines
    assert lines[()] == 1
    assert lines["steps",] == 2
    assert lines["steps", "0"] == 3
    assert lines["steps", "0", "with", "x"] == 5
    assert lines["steps", "0", "with", "x", "1"] == 6
    assert lines["steps", "1", "id"] == 7


def test_json_is_read_as_json() -> None:
    assert document('{"a": "\\ud83d\\ude00", "b":\t[1, 1.0, true, null]}') == {"a": "😀", "b": [1, 1.0, True, None]}
    assert document({"a": 1}) == {"a": 1}
    assert document("{a: 1, b: [x, y]}") == {"a": 1, "b": ["x", "y"]}


def test_all_duplicate_keys_are_refused_with_both_lines() -> None:
    assert refused("a: 1\nb: {c: 1,\n  c: 2}\na: 3\n") == [
        ("b.c", "the key 'c' is written twice: in line 2 and in line 3", 3),
        ("a", "the key 'a' is written twice: in line 1 and in line 4", 4),
    ]
    assert refused('{"a": {"b": 1, "b": 2}}') == [("", "the key 'b' is written twice in one object", None)]


@pytest.mark.parametrize(
    ("text", "path", "message", "line"),
    [
        ("a: {1: x}", "a", "the key 1 is not text", 1),
        ("true: x", "", "the key true is not text", 1),
        ("a:\n  null: x", "a", "the key null is not text", 2),
        ("? [a]\n: 1", "", "a key is text", 1),
        ("a: 1\n---\nb: 2", "", "one document; start another file", 2),
        ("a: !!python/object:os.system x", "a", "has no meaning here", 1),
        ("a: !mine {x: 1}", "a", "has no meaning here", 1),
        ("base: &b {x: 1}\nc:\n  <<: *b", "c", "no merge keys", 3),
        ("a: *b", "a", "no complete value &b", 1),
        ("a: &a {b: *a}", "a.b", "no complete value &a", 1),
        ("a: [1\n", "", "did not find expected ',' or ']'", 2),
        ("a: b: c", "", "mapping values are not allowed", 1),
        ("a: .nan", "a", "is not a JSON number", 1),
        ("a: 1\nb: 99999999999999999999", "b", "wider than 64 bits", 2),
        ('a: "x\\0"', "a", "NUL character", 1),
        ("", "", "is empty", 1),
        ("# nothing", "", "is empty", 1),
        ("- a", "", "is an object with `name` and `steps`", 1),
        ("a: \x07", "", "control characters are not allowed", None),
        ("a: \0", "", "NUL character", None),
        ("a: \ud800", "", "lone surrogate", None),
        ('{"a": "\\ud800"}', "a", "lone surrogate", None),
        ('{"a": ' + "9" * 5_000 + "}", "", "too many digits", None),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, path: str, message: str, line: int | None) -> None:
    found = refused(text)[0]
    assert (found[0], found[2]) == (path, line)
    assert message in found[1]


def test_aliases_stand_for_their_values() -> None:
    assert document("a: &x [1, {b: c}]\nd: *x\n&k key: *k\n") == {
        "a": [1, {"b": "c"}],
        "d": [1, {"b": "c"}],
        "key": "key",
    }


def test_aliases_that_stand_for_billions_are_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = process_time()
    assert "the aliases stand for more than 100,000 values" in refused("\n".join(lines))[0][1]
    assert process_time() - started < 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 300_000,
        "a:\n" + "".join(" " * n + "-\n" for n in range(500)),
        '{"a":' * 100_000,
    ],
)
def test_deep_nesting_is_refused_quickly(text: str) -> None:
    started = process_time()
    assert "200 levels" in refused(text)[0][1]
    assert process_time() - started < 1


@pytest.mark.parametrize("source", ["a: " + "x" * 1_100_000, {"a": "x" * 1_100_000}, "a: " + "é" * 600_000])
def test_a_definition_over_the_limit_is_too_large(source: Any) -> None:
    with pytest.raises(PayloadTooLarge, match="the limit is 1,048,576"):
        parse_definition(source)
    assert parse_definition("a: b", limit=4).document == {"a": "b"}


def test_decoded_json_is_checked_too() -> None:
    assert refused({"a": [float("inf")]}) == [("a.0", "inf is not a JSON number", None)]
    assert refused({1: 2})[0][1] == "the key 1 is not text"
