"""Values on the command line."""

import io
from pathlib import Path

import pytest
import typer

from weft.cli.arguments import json_object, json_value, labels


def test_json_comes_as_text_from_a_file_or_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "input.json"
    file.write_text('{"from": "file"}')
    monkeypatch.setattr("sys.stdin", io.StringIO('{"from": "stdin"}'))
    assert json_object('{"n": 1}', "--input") == {"n": 1}
    assert json_object(f"@{file}", "--input") == {"from": "file"}
    assert json_object("-", "--input") == {"from": "stdin"}


@pytest.mark.parametrize("text", ["{", "[1]", "@missing.json", "null"])
def test_an_input_that_is_no_json_object_is_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        json_object(text, "--input")


def test_any_json_value_is_an_answer() -> None:
    assert json_value("[1, null]", "--output") == [1, None]


def test_labels_are_pairs_and_a_value_may_hold_an_equals_sign() -> None:
    assert labels(["team=support", "query=a=b", "empty="]) == {"team": "support", "query": "a=b", "empty": ""}
    with pytest.raises(typer.BadParameter):
        labels(["=x"])
