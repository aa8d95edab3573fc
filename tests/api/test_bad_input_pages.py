"""Cursors that are not ours, and page sizes that nobody can want, at every listing."""

import base64
from typing import Any

import orjson
import pytest

from tests.api.client import Api
from tests.api.conftest import Unchanged
from tests.api.world import World

CURSORS = "pageInfo { startCursor endCursor } nodes { __typename }"
LISTINGS = {
    "executions": f"executions(first: $first, after: $after) {{ {CURSORS} }}",
    "workflow.executions": f'workflow(name: "sums") {{ executions(first: $first, after: $after) {{ {CURSORS} }} }}',
    "children": f"execution(id: $id) {{ children(first: $first, after: $after) {{ {CURSORS} }} }}",
    "workflows": f"workflows(first: $first, after: $after) {{ {CURSORS} }}",
    "versions": f'workflow(name: "sums") {{ versions(first: $first, after: $after) {{ {CURSORS} }} }}',
    "waitingSteps": f"waitingSteps(first: $first, after: $after) {{ {CURSORS} }}",
    "steps": f"execution(id: $id) {{ steps(first: $first, after: $after) {{ {CURSORS} }} }}",
    "items": f"batch(id: $batch) {{ items(first: $first, after: $after) {{ {CURSORS} }} }}",
    "triggers": f"triggers(first: $first, after: $after) {{ {CURSORS} }}",
    "workflow.triggers": f'workflow(name: "sums") {{ triggers(first: $first, after: $after) {{ {CURSORS} }} }}',
    "deliveries": f'trigger(name: "orders") {{ deliveries(first: $first, after: $after) {{ {CURSORS} }} }}',
}
ALIKE = ({"executions", "workflow.executions", "children"}, {"triggers", "workflow.triggers"})
"""Several ways to look at one listing; its cursors name an execution, or a trigger."""


def query(listing: str) -> str:
    variables = "$first: Int, $after: String"
    for name in ("id", "batch"):
        variables += f", ${name}: ID!" if f"${name})" in LISTINGS[listing] else ""
    return f"query({variables}) {{ {LISTINGS[listing]} }}"


def forged(*parts: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(parts))).rstrip(b"=").decode()


async def ask(api: Api, world: World, listing: str, **page: Any) -> dict[str, Any]:
    return await api.send(query(listing), id=world.ended, batch=world.batch, **page)


async def cursors(api: Api, world: World) -> dict[str, str]:
    """The first cursor of every listing that has items."""
    found = {}
    for listing in LISTINGS:
        page: Any = (await ask(api, world, listing))["data"]
        while "pageInfo" not in page:
            (page,) = page.values()
        if page["pageInfo"]["startCursor"]:
            found[listing] = page["pageInfo"]["startCursor"]
    return found


def refused(answer: dict[str, Any], argument: str) -> bool:
    extensions = [error["extensions"] for error in answer.get("errors", ())]
    return [(each["code"], each.get("argumentPath")) for each in extensions] == [("BAD_USER_INPUT", [argument])]


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1, -(2**31)])
async def test_a_page_has_one_to_a_hundred_items(api: Api, world: World, unchanged: Unchanged, first: int) -> None:
    with unchanged():
        for listing in LISTINGS:
            answer = await ask(api, world, listing, first=first)
            assert refused(answer, "first"), (listing, answer)
            assert answer["errors"][0]["message"] == f"first must be between 1 and 100, not {first}"


@pytest.mark.parametrize("first", [2**31, -(2**31) - 1, 1.5, "1", True, []])
async def test_a_page_size_is_a_whole_number_of_32_bits(api: Api, world: World, first: object) -> None:
    for listing in LISTINGS:
        (error,) = (await ask(api, world, listing, first=first))["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
        assert "$first" in error["message"]


async def test_the_cursor_of_another_listing_is_refused(api: Api, world: World, unchanged: Unchanged) -> None:
    with unchanged():
        for source, cursor in (await cursors(api, world)).items():
            for listing in LISTINGS:
                answer = await ask(api, world, listing, after=cursor)
                same = source == listing or any({source, listing} <= each for each in ALIKE)
                assert ("errors" not in answer) if same else refused(answer, "after"), (source, listing)


async def test_a_cursor_that_was_tampered_with_is_refused_or_names_a_place(
    api: Api, world: World, unchanged: Unchanged
) -> None:
    with unchanged():
        for listing, cursor in (await cursors(api, world)).items():
            for position in range(0, len(cursor), 3):
                for change in ("A", "_", "", "é", "\0"):
                    after = cursor[:position] + change + cursor[position + 1 :]
                    answer = await ask(api, world, listing, after=after)
                    assert "errors" not in answer or refused(answer, "after"), (listing, after, answer)


FORGED: dict[str, list[list[Any]]] = {
    "executions": [[0], [0, "x", "y"], ["0", "x"], [True, "x"], [1.5, "x"], [0, None], [0, 1], [2**63, "x"],
                   [253402300800000000, "x"], [-62135596800000001, "x"], [None, None]],
    "workflows": [[2**64 - 1, "x"], [{}, []]],
    "waiting": [["", ""], [-(2**63), "x"]],
    "versions": [[-1], [2**31], [2**63], [2**64 - 1], [True], ["1"], [1.0], []],
    "steps": [["nothing"], [""], ["\0"], ["x" * 5000], [1]],
    "triggers": [[0], [0, "x", "y"], ["0", "x"], [0, 1], [2**63, "x"]],
    "deliveries": [[0], [True, "x"], [0, None], [253402300800000000, "x"]],
    "batch": [[-1], [2**31], [2**64 - 1], [True], ["0"]],
}  # fmt: skip


async def test_a_cursor_that_somebody_made_up_is_refused(api: Api, world: World, unchanged: Unchanged) -> None:
    listings = {"waiting": "waitingSteps", "batch": "items"}
    with unchanged():
        for scope, keys in FORGED.items():
            for key in keys:
                answer = await ask(api, world, listings.get(scope, scope), after=forged(scope, *key))
                assert refused(answer, "after"), (scope, key, answer)


@pytest.mark.parametrize("after", ["", " ", "=", "null", "W10", "e30", "A" * 100_000, "\U0010ffff", "W1tbW10"])
async def test_garbage_is_no_cursor(api: Api, world: World, after: str) -> None:
    for listing in LISTINGS:
        answer = await ask(api, world, listing, after=after)
        assert refused(answer, "after"), listing
        assert len(answer["errors"][0]["message"]) < 150


@pytest.mark.parametrize(("after", "code"), [(-1, "BAD_USER_INPUT"), (2**31, "BAD_USER_INPUT"), (2**31 - 1, None)])
async def test_the_log_is_read_behind_a_seq_that_may_exist(
    api: Api, world: World, after: int, code: str | None
) -> None:
    reading = "query($id: ID!, $after: Int) { execution(id: $id) { events(after: $after) { nodes { seq } } } }"
    answer = await api.send(reading, id=world.ended, after=after)
    if code is None:
        assert answer["data"]["execution"]["events"]["nodes"] == []
    else:
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
