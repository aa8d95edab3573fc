"""Definitions with mistakes: all are told at once, with their place, and nothing is saved."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.api.client import Api
from tests.api.conftest import Unchanged
from tests.api.definitions import asks, sums

TEN_MISTAKES = """\
name: Ten Mistakes
prority: 5
input:
  type: objekt
timeout: 1 year
steps:
  - id: first
    kind: tranform
    with: {value: 1}
  - id: second
    kind: transform
    needs: [frist]
    with: {value: "${ input.n + }"}
  - id: second
    kind: transform
    with: {value: "${ steps.third.output }"}
  - id: third
    kind: http
    needs: [fourth]
    with: {methd: GET, url: "https://a.example"}
  - id: fourth
    kind: approval
    needs: [third]
    with: {prompt: "?", schema: {type: strin}}
    retry: {max_attempts: 0}
"""

EVERY_ONE = [
    ("input.type", 4, "is not a type of JSON Schema", None),
    ("name", 1, "must match", None),
    ("prority", 2, "is not a known field", "did you mean priority?"),
    ("steps.0.kind", 8, "there is no step kind 'tranform'", "did you mean transform?"),
    ("steps.1.needs.0", 12, "there is no step 'frist'", "did you mean first?"),
    ("steps.1.with.value", 13, "syntax error", None),
    ("steps.2.id", 14, "the id 'second' is taken by the step at steps.1", None),
    ("steps.3.needs", 19, "the steps wait for each other in a circle: third -> fourth -> third", None),
    ("steps.3.with.methd", 20, "is not a known field", "did you mean method?"),
    ("steps.4.retry.max_attempts", 25, "must be at least 1", None),
    ("steps.4.with.schema.type", 24, "is not a type of JSON Schema", None),
    ("timeout", 5, "is not a duration", None),
]


async def problems(api: Api, definition: Any) -> list[dict[str, Any]]:
    """What both the trial and the saving say about it; they have to agree."""
    query = "query($d: JSON!) { validateWorkflow(definition: $d) { valid problems { message path hint } } }"
    report = (await api.data(query, d=definition))["validateWorkflow"]
    errors = (await api.mutate("createWorkflow", {"definition": definition}))["errors"]
    found = report["problems"]
    assert isinstance(found, list)
    assert report["valid"] is (not found)
    assert [(each["message"], each["path"]) for each in errors] == [(each["message"], each["path"]) for each in found]
    return found


async def test_many_mistakes_are_told_at_once_each_with_path_line_and_hint(api: Api, unchanged: Unchanged) -> None:
    with unchanged():
        found = await problems(api, TEN_MISTAKES)
    for problem in found:
        print((".".join(problem["path"][1:]), problem["message"], problem["hint"]))
    assert [".".join(problem["path"]) for problem in found] == [f"definition.{path}" for path, *_ in EVERY_ONE]
    for problem, (_, line, message, hint) in zip(found, EVERY_ONE, strict=True):
        assert message in problem["message"]
        assert problem["message"].endswith(f"(line {line})")
        assert problem["hint"] == hint or hint is None
