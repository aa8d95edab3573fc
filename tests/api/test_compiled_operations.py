"""Which operations are compiled, which are left to graphql-core, and how one sees it."""

import re

import pytest

from tests.api.client import Api
from tests.api.definitions import sums

MANY = """
    id status lastSeq revision lane priority labels createdAt startedAt finishedAt deadline
    usage { inputTokens outputTokens costUsd modelCalls } failure { kind code message stepId retryable details }
    progress { total done failed running waiting percent }
"""


async def executions(api: Api) -> dict[str, int]:
    """How many so far, by the reason why they were not compiled; "" for those that were."""
    text = (await api.get("/metrics")).text
    return {
        reason: int(count)
        for reason, count in re.findall(r'weft_graphql_executions_total\{by="[^"]*",reason="([^"]*)"\} (\d+)', text)
    }


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("{ __typename health { status } }", ""),
        ("query($yes: Boolean!) { health { status @include(if: $yes) version @skip(if: $yes) } }", ""),
        ("mutation { createWorkflow(input: {definition: 1}) { errors { message } } }", ""),
        ("{ __schema { queryType { name } } }", "introspection"),
        ('{ __type(name: "Query") { name } health { status } }', "introspection"),
        ("{ " + " ".join(f"a{n}: executions(first: 1) {{ nodes {{ {MANY} }} }}" for n in range(18)) + " }", "large"),
    ],
)
async def test_what_is_left_to_graphql_core_is_counted(api: Api, query: str, reason: str) -> None:
    before = await executions(api)
    answer = await api.send(query, yes=True)
    assert answer["data"] is not None, answer
    after = await executions(api)
    assert {name: after[name] - before.get(name, 0) for name in after} == {reason: 1} | dict.fromkeys(before, 0)


async def test_conditions_turn_out_either_way_in_one_document(api: Api) -> None:
    query = "query($a: Boolean!, $b: Boolean!) { health { status @include(if: $a) version @skip(if: $b) } }"
    shapes = [
        tuple((await api.data(query, a=a, b=b)).get("health", {}))
        for a in (True, False)
        for b in (True, False)
        if a or not b
    ]
    assert shapes == [("status",), ("status", "version"), ("version",)]


async def test_mutations_are_carried_out_one_after_the_other(api: Api) -> None:
    await api.create(sums())
    data = await api.data(
        """mutation {
            first: createWorkflow(input: {definition: {name: "w", steps: [{id: "a", kind: "transform", with: {value: 1}}]}}) {
                workflow { id } errors { code }
            }
            second: createWorkflow(input: {definition: {name: "w", steps: [{id: "a", kind: "transform", with: {value: 1}}]}}) {
                workflow { id } errors { code }
            }
        }"""
    )
    assert list(data) == ["first", "second"]
    assert data["first"]["errors"] == []
    assert data["second"] == {"workflow": None, "errors": [{"code": "ALREADY_EXISTS"}]}


async def test_an_operation_is_chosen_by_name_among_several(api: Api) -> None:
    query = "query A { health { status } } query B { health { version } }"
    both = {"query": query, "operationName": "B"}
    assert list((await api.post(both)).json()["data"]["health"]) == ["version"]
    unnamed = (await api.post({"query": query})).json()["errors"][0]["message"]
    assert unnamed == "Must provide operation name if query contains multiple operations."
    unknown = (await api.post({"query": query, "operationName": "C"})).json()["errors"][0]["message"]
    assert unknown == "Unknown operation named 'C'."
