"""The JSON Schema that editors use."""

from typing import Any

import pytest

from engine.domain.definition_schema import definition_schema
from engine.domain.schemas import check_schema, validate
from tests.domain.step_kinds import KINDS, step, workflow
from tests.domain.test_validation import VALID

SCHEMA = definition_schema(KINDS)


def paths(document: Any) -> list[str]:
    return [".".join(problem.path) for problem in validate(document, SCHEMA)]


def test_it_is_a_sound_schema_of_its_own_dialect() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert check_schema(SCHEMA) == []


def test_a_valid_definition_fits() -> None:
    assert paths(VALID) == []


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (workflow(step("a", "cal")), "steps.0.kind"),
        (workflow(step("a", neds=[])), "steps.0.neds"),
        (workflow(step("a", "call", with_={"cal": "x", "call": "x"})), "steps.0.with.cal"),
        (workflow({"id": "a", "kind": "call"}), "steps.0.with"),
        (workflow(step("a", "call", with_={"call": "x", "tries": "many"})), "steps.0.with.tries"),
        (workflow(step("a", compensate={"kind": "call", "with": {}})), "steps.0.compensate.with.call"),
        (
            workflow(step("m", "map", with_={"items": [], "steps": [step("x", "call", with_={})]})),
            "steps.0.with.steps.0.with.call",
        ),
    ],
)
def test_the_configuration_follows_from_the_kind_at_every_level(document: Any, path: str) -> None:
    assert path in paths(document)


def test_an_expression_may_stand_for_any_value_of_a_configuration() -> None:
    with_ = {
        "call": "x",
        "tries": "${ input.n }",
        "mode": "${ input.m }",
        "args": "${ input.a }",
        "schema": "${ input.s }",
    }
    assert paths(workflow(step("a", "call", with_=with_))) == []
