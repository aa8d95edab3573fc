"""JSON Schema on input of strangers."""

from time import process_time
from typing import Any

import pytest

from engine.domain.schemas import check_schema, json_problems, validate, with_defaults

TICKET = {
    "type": "object",
    "required": ["ticket"],
    "additionalProperties": False,
    "properties": {
        "ticket": {"type": "string", "minLength": 1},
        "priority": {"type": "integer", "minimum": 1, "maximum": 5, "default": 3},
        "kind": {"enum": ["bug", "other"]},
        "customer": {"$ref": "#/$defs/customer"},
    },
    "$defs": {"customer": {"type": "object", "properties": {"tier": {"type": "string", "default": "free"}}}},
}


def found(value: Any, schema: Any) -> list[tuple[str, str, str | None]]:
    return [(".".join(problem.path), problem.message, problem.hint) for problem in validate(value, schema)]


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


# ------------------------------------------------------------------ values


def test_all_problems_are_found_at_once_with_their_paths() -> None:
    assert found({"tikcet": 1, "priority": 9, "kind": "bgu", "customer": {"tier": 5}}, TICKET) == [
        ("customer.tier", "must be of type string, and is integer", None),
        ("kind", 'must be one of "bug", "other"', None),
        ("priority", "must be at most 5, and is 9", None),
        ("ticket", "is required", None),
        ("tikcet", "is not a known field", "did you mean ticket?"),
    ]


def test_a_path_continues_the_one_that_is_given() -> None:
    assert validate({}, TICKET, path=("input",))[0].path == ("input", "ticket")


def test_of_alternatives_the_one_that_was_meant_is_reported() -> None:
    schema = {"anyOf": [{"type": "string"}, {"type": "object", "required": ["x"]}]}
    assert found({}, schema) == [("x", "is required", None)]
    assert found(5, schema)[0][1] == "fits none of the alternatives"


def test_numbers_compare_as_json_does() -> None:
    assert found([1, 1.0], {"uniqueItems": True}) != []
    assert found([1, True, "1", [1], {"a": 1}, {"a": True}], {"uniqueItems": True}) == []
    assert found(1.0, {"type": "integer"}) == []
    assert found(True, {"type": "integer"}) != []  # noqa: FBT003 - a JSON value


def test_problems_are_bounded() -> None:
    assert len(validate(["x"] * 1_000, {"items": {"type": "integer"}})) == 50


@pytest.mark.parametrize("schema", [True, {}, {"type": "object"}, {"$ref": "#"}])
def test_a_value_that_is_too_deep_is_a_problem_whatever_the_schema(schema: Any) -> None:
    assert validate(nested(1_000), schema)[0].message == "the value is nested more than 200 levels deep"


def test_a_recursive_schema_takes_what_it_describes() -> None:
    tree = {"properties": {"a": {"$ref": "#"}}, "type": ["object", "integer"]}
    assert validate(nested(30), tree) == []
    assert validate({"a": {"a": "x"}}, tree)[0].path == ("a", "a")


def test_a_schema_that_refers_to_itself_without_end_is_a_problem() -> None:
    assert "refers to itself" in validate({}, {"$ref": "#"})[0].message


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("a" * 50 + "b", {"pattern": "^(a+)+$"}),
        ({"a" * 50 + "b": 1}, {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}),
        (
            {"x": "a" * 50 + "b"},
            {"properties": {"x": {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}}},
        ),
    ],
)
def test_patterns_do_not_backtrack(value: Any, schema: Any) -> None:
    started = process_time()
    assert validate(value, schema) != []
    assert process_time() - started < 1


def test_a_schema_whose_references_fan_out_is_given_up() -> None:
    fan = {str(n): {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(40)}
    schema = {"$ref": "#/$defs/0", "$defs": {**fan, "40": {"type": "string"}}}
    assert check_schema(schema) == []
    started = process_time()
    assert "more work than allowed" in validate(1, schema)[0].message
    assert process_time() - started < 5


def test_unique_items_are_found_in_long_lists_of_objects() -> None:
    started = process_time()
    assert validate([{"n": n} for n in range(10_000)], {"uniqueItems": True}) == []
    assert process_time() - started < 2


# ------------------------------------------------------------------ schemas


@pytest.mark.parametrize("schema", [True, False, {}, TICKET, {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#"}}}])
def test_sound_schemas_have_no_problems(schema: Any) -> None:
    assert check_schema(schema) == []


@pytest.mark.parametrize(
    ("schema", "path", "message"),
    [
        ({"type": "strin"}, "type", "fits none of the alternatives"),
        ({"properties": {"a": {"minLength": -1}}}, "properties.a.minLength", "must be at least 0"),
        ({"properties": {"a": {"$ref": "https://example.com/s"}}}, "properties.a.$ref", "nothing is fetched"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "properties.a.$ref", "is not in this schema"),
        ({"$dynamicRef": "#nowhere"}, "$dynamicRef", "is not in this schema"),
        ({"pattern": "(?=a)"}, "pattern", "look-ahead"),
        ({"patternProperties": {"[": {}}}, "patternProperties.[", "cannot be used"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema", "only JSON Schema 2020-12"),
        (5, "", "is an object, true or false"),
        ({"default": "\ud800"}, "default", "lone surrogate"),
    ],
)
def test_what_is_wrong_with_a_schema_is_found(schema: Any, path: str, message: str) -> None:
    problem = check_schema(schema)[0]
    assert ".".join(problem.path) == path
    assert message in problem.message


def test_properties_may_be_called_like_keywords() -> None:
    schema: Any = {
        "properties": {"pattern": {"type": "string"}, "$ref": {"type": "string"}},
        "const": {"$ref": "http://x"},
    }
    assert check_schema(schema) == []
    assert validate({"pattern": "(", "$ref": "x"}, {"properties": schema["properties"]}) == []


def test_a_very_deep_schema_is_a_problem() -> None:
    assert "200 levels" in check_schema(nested(5_000))[0].message


# ------------------------------------------------------------------ defaults


def test_defaults_are_filled_in_below_what_is_given() -> None:
    given = {"ticket": "t", "customer": {}}
    assert with_defaults(given, TICKET) == {"ticket": "t", "customer": {"tier": "free"}, "priority": 3}
    assert given == {"ticket": "t", "customer": {}}


def test_an_absent_object_stays_absent_unless_it_has_a_default() -> None:
    inner = {"type": "object", "properties": {"b": {"default": 1}}}
    assert with_defaults({}, {"properties": {"a": inner}}) == {}
    assert with_defaults({}, {"properties": {"a": {**inner, "default": {}}}}) == {"a": {"b": 1}}


def test_defaults_reach_into_lists_and_through_all_of() -> None:
    item = {"properties": {"n": {"default": 1}}}
    schema = {"allOf": [{"properties": {"list": {"items": item}}}, {"properties": {"x": {"default": []}}}]}
    filled = with_defaults({"list": [{}, {"n": 2}, 5]}, schema)
    assert filled == {"list": [{"n": 1}, {"n": 2}, 5], "x": []}


def test_a_default_is_not_shared_between_two_values() -> None:
    schema: Any = {"properties": {"x": {"default": []}}}
    with_defaults({}, schema)["x"].append(1)
    assert with_defaults({}, schema) == {"x": []}


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"$ref": "http://x"}, {"properties": 5}, True]
)
def test_odd_schemas_fill_in_nothing(schema: Any) -> None:
    assert with_defaults({"a": 1}, schema) == {"a": 1}


# ------------------------------------------------------------------ JSON


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({"a": ["x\0"]}, ("a", "0"), "NUL"),
        ({"a": "\ud800"}, ("a",), "lone surrogate"),
        ({"a\0": 1}, (), "in a key"),
        ([float("nan")], ("0",), "is not a JSON number"),
        ({"n": 2**64}, ("n",), "wider than 64 bits"),
        ({"n": -(2**63) - 1}, ("n",), "wider than 64 bits"),
        ({1: 2}, (), "is not text"),
        ({"a": b"x"}, ("a",), "bytes is not JSON"),
        (nested(201), (), "200 levels"),
    ],
)
def test_what_stores_and_encoders_cannot_take_is_found(value: Any, path: tuple[str, ...], message: str) -> None:
    (problem,) = json_problems(value)
    assert problem.path == path
    assert message in problem.message


def test_all_that_is_json_passes() -> None:
    assert json_problems({"a": [None, True, 2**64 - 1, -(2**63), 1.5, "é😀"], "b": nested(190)}) == []


def test_the_path_of_a_problem_can_itself_be_sent() -> None:
    problems = json_problems({"\ud800": "x\0", "a\0": "\udfff"})
    assert all(json_problems(list(problem.path)) == [] for problem in problems)
