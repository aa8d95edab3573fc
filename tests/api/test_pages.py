"""Pages: bounds, cursors, and what stays true while things come and go."""

from typing import Any

import pytest

from tests.api.client import Api
from tests.api.definitions import sums

PAGE = """query($first: Int, $after: String) { executions(first: $first, after: $after) {
    edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
} }"""


@pytest.fixture
async def started(api: Api) -> list[str]:
    """Five executions, newest first."""
    await api.create(sums())
    return [await api.start("sums", input={"n": n}) for n in range(5)][::-1]


async def page(api: Api, **variables: Any) -> dict[str, Any]:
    found = (await api.data(PAGE, **variables))["executions"]
    assert isinstance(found, dict)
    return found


async def test_pages_join_without_gaps_or_repeats(api: Api, started: list[str]) -> None:
    seen: list[str] = []
    after = None
    while True:
        found = await page(api, first=2, after=after)
        seen += [node["id"] for node in found["nodes"]]
        assert [edge["node"] for edge in found["edges"]] == found["nodes"]
        info = found["pageInfo"]
        assert info["hasPreviousPage"] is (after is not None)
        assert (info["startCursor"], info["endCursor"]) == (found["edges"][0]["cursor"], found["edges"][-1]["cursor"])
        if not info["hasNextPage"]:
            break
        after = info["endCursor"]
    assert seen == started


async def test_what_is_inserted_meanwhile_shifts_no_page(api: Api, started: list[str]) -> None:
    first = await page(api, first=2)
    await api.start("sums", input={"n": 9})
    second = await page(api, first=2, after=first["pageInfo"]["endCursor"])
    assert [node["id"] for node in second["nodes"]] == started[2:4]


async def test_an_empty_page_has_no_cursors(api: Api) -> None:
    assert (await page(api))["pageInfo"] == {
        "hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None,
    }  # fmt: skip


@pytest.mark.usefixtures("started")
async def test_null_asks_for_the_default(api: Api) -> None:
    assert len((await page(api, first=None, after=None))["nodes"]) == 5


LISTINGS = [
    "{ executions(first: %s) { nodes { id } } }",
    "{ workflows(first: %s) { nodes { id } } }",
    "{ waitingSteps(first: %s) { nodes { step { id } } } }",
    '{ workflow(name: "sums") { versions(first: %s) { nodes { id } } } }',
    '{ workflow(name: "sums") { executions(first: %s) { nodes { id } } } }',
    "{ executions { nodes { steps(first: %s) { nodes { id } } } } }",
    "{ executions { nodes { events(first: %s) { nodes { seq } } } } }",
    "{ executions { nodes { children(first: %s) { nodes { id } } } } }",
]


@pytest.mark.parametrize("first", [0, -1, 101, -(2**31)])
@pytest.mark.parametrize("query", LISTINGS)
async def test_a_page_has_1_to_100_items(api: Api, query: str, first: int) -> None:
    await api.create(sums())
    await api.start("sums", input={"n": 1})
    answer = await api.send(query % first)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert "first" in answer["errors"][0]["message"]


@pytest.mark.parametrize("after", ["", "x", "!!!", "eyJ9", "WyJleGVjdXRpb25zIl0", "\0", "é", "A" * 10_000])
async def test_what_never_was_a_cursor_is_refused(api: Api, after: str) -> None:
    error = await api.error(PAGE, after=after)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.usefixtures("started")
async def test_the_cursor_of_another_listing_is_refused(api: Api) -> None:
    cursor = (await api.data("{ workflows { pageInfo { endCursor } } }"))["workflows"]["pageInfo"]["endCursor"]
    assert (await api.error(PAGE, after=cursor))["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.usefixtures("started")
async def test_the_total_is_counted_only_when_it_is_asked_for(api: Api) -> None:
    await page(api, first=2)
    assert api.store.calls["count"] == 0
    found = await api.data("{ executions(first: 2) { totalCount } }")
    assert found["executions"]["totalCount"] == 5
    assert api.store.calls["count"] == 1


async def test_the_log_is_paged_by_seq(api: Api, started: list[str]) -> None:
    await api.ended(started[0])
    query = """query($id: ID!, $after: Int) { execution(id: $id) { events(first: 2, after: $after) {
        nodes { seq } pageInfo { hasNextPage hasPreviousPage endCursor }
    } } }"""
    events = (await api.data(query, id=started[0], after=2))["execution"]["events"]
    assert [event["seq"] for event in events["nodes"]] == [3, 4]
    assert events["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": True, "endCursor": "4"}
    assert (await api.error(query, id=started[0], after=-1))["extensions"]["code"] == "BAD_USER_INPUT"
