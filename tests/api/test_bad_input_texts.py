"""Texts that no store can keep, in every place of every mutation: refused with the place, and nothing is changed."""

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

import pytest

from graphql_api.schema import build_schema
from tests.api.client import Api
from tests.api.conftest import Unchanged
from tests.api.world import World, full_inputs

Path = tuple[str, ...]
UNKEEPABLE = {
    "a\0b": "the text holds a NUL character at position 1",
    "a\ud800b": "the text holds a lone surrogate at position 1",
}
NO_TEXTS = frozenset(
    {
        "action",
        "mode",
        "status",
        "overlap",
        "delay",
        "deadline",
        "createdAfter",
        "createdBefore",
        "jitter",
        "catchUpWindow",
    }
    | {"startAt", "endAt", "dedupWindow", "per", "maxWait", "from", "to", "time"}
)
"""Members that are enums and times, which have rules of their own."""
IN_ITEMS = (("items", "input"), ("items", "labels"))
"""JSON in the items of a batch, which refuses the item alone."""
MUTATIONS = sorted(build_schema()._schema.mutation_type.fields)  # type: ignore[union-attr] # it has one


def texts_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """The places of all texts, keys of objects left out."""
    if isinstance(value, str):
        yield path
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name not in NO_TEXTS:
            yield from texts_in(inner, (*path, name))
    for index, inner in enumerate(value) if isinstance(value, list) else ():
        yield from texts_in(inner, (*path, str(index)))


def replaced(value: Any, path: Path, new: Any) -> Any:
    """A copy in which another value stands at that place."""
    if not path:
        return new
    first, *rest = path
    copy = deepcopy(value)
    key: Any = int(first) if isinstance(value, list) else first
    copy[key] = replaced(value[key], tuple(rest), new)
    return copy


async def test_there_is_an_input_for_every_mutation(world: World) -> None:
    assert sorted(full_inputs(world)) == MUTATIONS


async def test_a_text_that_cannot_be_kept_is_refused_wherever_it_stands(
    api: Api, world: World, unchanged: Unchanged
) -> None:
    with unchanged():
        for name, given in full_inputs(world).items():
            places = [path for path in texts_in(given) if path[:1] + path[2:3] not in IN_ITEMS]
            assert places
            for path, text in product(places, UNKEEPABLE):
                (error,) = (await api.mutate(name, replaced(given, path, text)))["errors"]
                assert (error["code"], error["path"]) == ("VALIDATION_FAILED", list(path)), (name, path)
                assert error["message"] == UNKEEPABLE[text]


OBJECTS: list[tuple[str, Path]] = [
    ("createWorkflow", ("labels",)),
    ("createWorkflow", ("definition",)),
    ("createWorkflow", ("definition", "steps", "0", "with")),
    ("startExecution", ("input",)),
    ("startExecution", ("labels",)),
    ("signalExecution", ("payload",)),
    ("completeStep", ("output",)),
    ("forkExecution", ("input",)),
    ("editExecution", ("edits", "0", "definition")),
    ("createTrigger", ("inputMapping",)),
    ("fireTrigger", ("data",)),
    ("publishEvent", ("event", "data")),
]


async def test_a_key_that_cannot_be_kept_is_refused_at_its_object(api: Api, world: World, unchanged: Unchanged) -> None:
    with unchanged():
        for (name, place), text in product(OBJECTS, UNKEEPABLE):
            (error,) = (await api.mutate(name, replaced(full_inputs(world)[name], place, {text: 1})))["errors"]
            expected = ("VALIDATION_FAILED", list(place), f"in a key, {UNKEEPABLE[text]}")
            assert (error["code"], error["path"], error["message"]) == expected


@pytest.mark.parametrize("text", list(UNKEEPABLE))
async def test_a_batch_refuses_such_an_item_alone_and_remembers_its_key(api: Api, text: str) -> None:
    await api.create({"name": "any", "steps": [{"id": "a", "kind": "transform", "with": {"value": 1}}]})
    items = [{"workflow": "any", "input": {"deep": [text]}}, {"workflow": "any", "labels": {"a": text}}]
    given = {"items": [*items, {"workflow": "any"}], "idempotencyKey": "once"}
    fields = "batch { id accepted items { nodes { index error { code path } } } }"
    first = (await api.mutate("startExecutions", given, fields))["batch"]
    assert first["accepted"] == 1
    assert [node["error"] for node in first["items"]["nodes"]] == [
        {"code": "VALIDATION_FAILED", "path": ["input", "deep", "0"]},
        {"code": "VALIDATION_FAILED", "path": ["labels", "a"]},
        None,
    ]
    assert (await api.mutate("startExecutions", given, fields))["batch"]["id"] == first["id"]


QUERIES = {
    "query($t: String!) { workflow(name: $t) { id } }": ["name"],
    "query($t: ID!) { execution(id: $t) { id } }": ["id"],
    "query($t: ID!) { node(id: $t) { id } }": ["id"],
    "query($t: ID!) { nodes(ids: [$t]) { id } }": ["ids"],
    "query($t: ID!) { batch(id: $t) { id } }": ["id"],
    "query($t: String!) { trigger(name: $t) { id } }": ["name"],
    "query($t: String!) { waitingSteps(assignee: $t) { totalCount } }": ["assignee"],
    "query($t: String!) { executions(filter: {workflow: $t}) { totalCount } }": ["workflow"],
    'query($t: String!) { executions(filter: {label: {key: $t, value: "x"}}) { totalCount } }': ["label", "key"],
    'query($t: String!) { executions(filter: {label: {key: "x", value: $t}}) { totalCount } }': ["label", "value"],
    "query($t: ID!) { executions(filter: {batchId: $t}) { totalCount } }": ["batchId"],
    "query($t: ID!) { executions(filter: {triggerId: $t}) { totalCount } }": ["triggerId"],
    "query($t: String!) { workflows(filter: {nameContains: $t}) { totalCount } }": ["nameContains"],
    "query($t: String!) { executions(after: $t) { totalCount } }": ["after"],
    "query($t: String!) { workflows(after: $t) { totalCount } }": ["after"],
    "query($t: String!) { triggers(after: $t) { totalCount } }": ["after"],
    "query($t: String!) { waitingSteps(after: $t) { totalCount } }": ["after"],
}


async def test_a_query_for_such_a_text_is_refused_with_its_argument(api: Api) -> None:
    for (query, path), text in product(QUERIES.items(), UNKEEPABLE):
        extensions = (await api.error(query, t=text))["extensions"]
        assert (extensions["code"], extensions["argumentPath"]) == ("BAD_USER_INPUT", path), query


@pytest.mark.parametrize("text", list(UNKEEPABLE))
async def test_a_definition_with_such_a_text_is_reported_with_its_place(api: Api, text: str) -> None:
    query = "query($d: JSON!) { validateWorkflow(definition: $d) { problems { path message } } }"
    definitions: list[Any] = [{"name": "x", "steps": [{"id": text}]}, f"name: {text}\n"]
    for definition, path in zip(definitions, (["definition", "steps", "0", "id"], ["definition"]), strict=True):
        (problem,) = (await api.data(query, d=definition))["validateWorkflow"]["problems"]
        assert problem["path"] == path
        assert problem["message"].startswith(UNKEEPABLE[text].rpartition(" ")[0])


async def test_text_of_every_plane_comes_back_as_it_went(api: Api) -> None:
    text = (
        "".join(chr(plane * 0x10000 + offset) for plane in range(17) for offset in (0x2028, 0xFFFD))
        + "\u0001\x7f\ufeff"
    )
    step = {"id": "a", "kind": "transform", "with": {"value": "${ input }"}}
    await api.create(
        {"name": "echo", "title": text, "steps": [step], "output": "${ steps.a.output }"}, labels={"a": text}
    )
    execution_id = await api.start("echo", input={text: text}, labels={"b": text})
    assert (await api.ended(execution_id))["output"] == {text: text}
    found = await api.data(
        'query($t: String!) { executions(filter: {label: {key: "b", value: $t}}) { nodes { labels workflow { title } } } }',
        t=text,
    )
    assert found["executions"]["nodes"] == [{"labels": {"a": text, "b": text}, "workflow": {"title": text}}]
