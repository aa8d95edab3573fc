"""Asking a person for the answer to a waiting step."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from weft.cli.asking import ask

APPROVAL = {
    "type": "object",
    "required": ["approved"],
    "properties": {
        "approved": {"type": "boolean"},
        "note": {"type": "string"},
        "count": {"type": "integer"},
        "colour": {"enum": ["red", "green"]},
    },
}


def answered(typed: str, schema: Any, **wait: Any) -> tuple[Any, str]:
    """The answer, and what was shown."""
    app = typer.Typer()
    answers = []

    @app.command()
    def command() -> None:
        answers.append(ask({"prompt": "Send?", "value": None, "schema": schema, **wait}))

    result = CliRunner().invoke(app, [], input=typed)
    assert result.exit_code == 0, result.output
    return answers[0], result.output


def test_the_properties_of_a_flat_object_are_asked_for_one_by_one() -> None:
    answer, shown = answered("y\nfine\n3\nred\n", APPROVAL)
    assert answer == {"approved": True, "note": "fine", "count": 3, "colour": "red"}
    assert shown.startswith("Send?\n")
    assert "red | green" in shown


def test_what_is_not_required_may_be_left_out() -> None:
    assert answered("n\n\n\n\n", APPROVAL)[0] == {"approved": False}


def test_anything_else_is_asked_for_as_json_until_it_is_json() -> None:
    answer, shown = answered('{oops\n{"lines": [1, 2]}\n', {"type": "object", "required": ["lines"]})
    assert answer == {"lines": [1, 2]}
    assert '"required"' in shown
    assert answered('"free"\n', None)[0] == "free"


def test_an_interrupt_shows_its_value() -> None:
    assert '"question": "why?"' in answered("1\n", None, prompt=None, value={"question": "why?"})[1]


@pytest.mark.parametrize(("typed", "value"), [("yes", True), ("false", False), ("1.5", 1.5), ("many", "many")])
def test_what_does_not_fit_is_left_to_the_server_to_refuse(typed: str, value: Any) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
    assert answered(f"{typed}\n", schema)[0] == {"n": value}
