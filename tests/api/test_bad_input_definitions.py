"""Definitions with mistakes: all are told at once, with their place, and nothing is saved."""

import itertools
import json
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
  - id: cycles
    kind: graph
    needs: []
    with:
      entry: one
      nodes:
        one: {kind: transform, with: {value: 1}}
        two: {kind: transform, with: {value: 2}}
      edges: [{from: one, to: END}, {from: two, to: END}]
"""

TYPES = 'must be one of "array", "boolean", "integer", "null", "number", "object", "string"'
EVERY_ONE = [
    ("input.type", 4, "fits none of the alternatives", TYPES),
    ("name", 1, "must match ^[a-z0-9-]{1,63}$", None),
    ("prority", 2, "is not a known field", "did you mean priority?"),
    ("steps.0.kind", 8, "there is no step kind 'tranform'", "did you mean transform?"),
    ("steps.1.needs.0", 12, "there is no step 'frist' in this list", "did you mean first?"),
    ("steps.1.with.value", 13, "syntax error: unexpected end at character 10", None),
    ("steps.2.id", 14, "the id 'second' is taken by the step at steps.1", None),
    ("steps.2.with.value", 16, "step 'third' does not come before this one", "add third to `needs`"),
    ("steps.3.needs", 19, "the steps wait for each other in a circle: third -> fourth -> third", None),
    ("steps.3.with.methd", 20, "is not a known field", "did you mean method?"),
    ("steps.4.retry.max_attempts", 25, "must be at least 1", None),
    ("steps.4.with.schema.type", 24, "fits none of the alternatives", TYPES),
    ("steps.5.with.nodes.two", 33, "no edge leads to node 'two'", None),
    ("timeout", 5, "'1 year' is not a duration: write 500ms, 10s, 5m, 2h, 7d or ISO 8601 such as PT30S", None),
]
"""Path below `definition`, line, message, hint."""


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
    assert [(".".join(each["path"]), each["message"], each["hint"]) for each in found] == [
        (f"definition.{path}", f"{message} (line {line})", hint) for path, line, message, hint in EVERY_ONE
    ]


def chain(count: int, **step: Any) -> dict[str, Any]:
    one = {"kind": "transform", "with": {"value": 1}, **step}
    return {"name": "large", "steps": [{"id": f"s{n}", **one} for n in range(count)]}


def deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("definition", "path", "message"),
    [
        (chain(2_001), ["steps"], "the definition has 2,001 steps, nested ones included, and the limit is 2,000"),
        (chain(10_000), ["steps"], "the definition has 10,000 steps, nested ones included, and the limit is 2,000"),
        (
            chain(1, kind="map", **{"with": {"items": [], "steps": chain(2_000)["steps"]}}),
            ["steps"],
            "the definition has 2,001 steps",
        ),
        (
            chain(1, kind="map", **{"with": {"items": [0] * 10_001, "steps": chain(1)["steps"]}}),
            ["steps", "0", "with", "items"],
            "the map has 10,001 items, and the limit is 10,000",
        ),
        (chain(1) | {"labels": {str(n): "" for n in range(51)}}, ["labels"], "51 labels; the limit is 50"),
        (chain(1) | {"labels": {"a=b": ""}}, ["labels", "a=b"], "1 to 63 characters and no `=`"),
        (chain(1) | {"labels": {"a": "b" * 256}}, ["labels", "a"], "at most 255 characters"),
        (chain(1) | {"title": "t" * 201}, ["title"], "must have at most 200 characters"),
        (chain(1) | {"priority": 1001}, ["priority"], "must be at most 1000"),
        (chain(1) | {"steps": []}, ["steps"], "must have at least 1 entries, and has 0"),
        (chain(1, **{"with": {"value": deep(300)}}), [], "the value is nested more than 200 levels deep"),
        (chain(1) | {"input": {"default": 10**30}}, ["input", "default"], "the number is wider than 64 bits"),
        ("name: x\n" + "x: " + "[" * 1_000 + "]" * 1_000, None, "the definition is nested more than 200 levels deep"),
        ("name: x\nname: y", ["name"], "the key 'name' is written twice: in line 1 and in line 2 (line 2)"),
        ("name: x\nsteps: [", [], "(line 3)"),
        ('{"name": "x", "name": "y"}', [], "the key 'name' is written twice in one object"),
    ],
    ids=itertools.count(),
)
async def test_a_mistake_is_told_with_its_place(
    api: Api, unchanged: Unchanged, definition: Any, path: list[str] | None, message: str
) -> None:
    with unchanged():
        found = await problems(api, definition)
    assert message in found[0]["message"]
    assert path is None or found[0]["path"] == ["definition", *path]


@pytest.mark.parametrize("megabytes", [1, 5])
async def test_a_definition_that_is_too_large_is_refused_as_such(
    api: Api, unchanged: Unchanged, megabytes: int
) -> None:
    text = "x" * megabytes * 1024 * 1024
    with unchanged():
        for definition in (chain(1) | {"description": text}, f"name: x\ndescription: {text}"):
            (error,) = (await api.mutate("createWorkflow", {"definition": definition}))["errors"]
            assert (error["__typename"], error["code"], error["path"]) == (
                "LimitError",
                "PAYLOAD_TOO_LARGE",
                ["definition"],
            )
            assert "the limit is 1,048,576" in error["message"]


async def test_two_thousand_steps_are_saved_and_read(api: Api) -> None:
    await api.create(chain(2_000))
    version = (await api.data('{ workflow(name: "large") { latestVersion { steps { id needs } } } }'))["workflow"]
    assert version["latestVersion"]["steps"][-1] == {"id": "s1999", "needs": ["s1998"]}


# ------------------------------------------------------------------ versions and status


async def test_the_same_definition_again_makes_no_new_version(api: Api, unchanged: Unchanged) -> None:
    await api.create(sums())
    as_yaml = json.dumps(dict(reversed(sums().items())))
    with unchanged():
        for definition in (sums(), as_yaml):
            for expected in (1, None):
                given = {"name": "sums", "definition": definition, "expectedVersion": expected}
                payload = await api.mutate("updateWorkflow", given, "workflow { latestVersion { number } }")
                assert payload == {"workflow": {"latestVersion": {"number": 1}}, "errors": []}


STATUS = "workflow { status activeVersion { number } latestVersion { number } }"
Step = tuple[str, dict[str, Any], tuple[str, int | None, int] | str]
"""A mutation, what it is given besides the name, and status, active and latest version after it, or the code of its refusal."""
SECOND, THIRD = {"definition": sums() | {"title": "2"}}, {"definition": sums() | {"title": "3"}}
LIFE: list[Step] = [
    ("updateWorkflow", {**SECOND, "activate": False}, ("DRAFT", None, 2)),
    ("activateWorkflow", {"version": 3}, "NOT_FOUND"),
    ("activateWorkflow", {"version": 1}, ("ACTIVE", 1, 2)),
    ("updateWorkflow", {**THIRD, "activate": False}, ("ACTIVE", 1, 3)),
    ("updateWorkflow", {**THIRD, "activate": True}, ("ACTIVE", 3, 3)),
    ("archiveWorkflow", {}, ("ARCHIVED", 3, 3)),
    ("archiveWorkflow", {}, ("ARCHIVED", 3, 3)),
    ("updateWorkflow", SECOND, "INVALID_STATE"),
    ("activateWorkflow", {"version": 2}, ("ACTIVE", 2, 3)),
]


async def test_a_workflow_goes_through_its_life(api: Api, unchanged: Unchanged) -> None:
    await api.create(sums(), activate=False)
    for name, more, expected in LIFE:
        if isinstance(expected, str):
            with unchanged():
                payload = await api.mutate(name, {"name": "sums", **more}, STATUS)
            assert [error["code"] for error in payload["errors"]] == [expected]
            continue
        payload = await api.mutate(name, {"name": "sums", **more}, STATUS)
        workflow = payload["workflow"]
        active = workflow["activeVersion"] and workflow["activeVersion"]["number"]
        assert (workflow["status"], active, workflow["latestVersion"]["number"]) == expected, name


async def test_what_runs_goes_on_while_its_workflow_is_changed_and_archived(api: Api) -> None:
    await api.create(asks())
    execution_id = await api.start("asks")
    await api.until(execution_id, "StepWaiting")
    await api.mutate("updateWorkflow", {"name": "asks", "definition": sums("asks")})
    await api.mutate("archiveWorkflow", {"name": "asks"})
    answer = {"executionId": execution_id, "stepId": "approve", "output": {"ok": True}}
    assert (await api.mutate("completeStep", answer))["errors"] == []
    assert (await api.ended(execution_id))["output"] is True
