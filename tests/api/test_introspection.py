"""Who may look at the schema, and who is not even told the names that are close."""

from collections.abc import AsyncIterator

import httpx
import pytest

from engine.usecases.caller import Role
from tests.api.client import Api
from tests.api.probe import probe_app
from tests.api.roles import RoleRuntime, as_role, code, only_error

SCHEMA = "{ __schema { queryType { name } } }"


@pytest.mark.parametrize(
    "query",
    [
        SCHEMA,
        '{ __type(name: "Query") { name } }',
        "{ a: __schema { queryType { name } } __typename }",
        "{ ...F } fragment F on Query { ... { __schema { queryType { name } } } }",
        "query A { __typename } query B { __schema { queryType { name } } }",
    ],
)
async def test_viewers_may_not_introspect_however_they_ask(api: Api, query: str) -> None:
    with as_role(api.runtime, Role.VIEWER):
        answer = await api.send(query)
    assert code(answer) == "INTROSPECTION_DISABLED"


async def test_a_document_that_others_made_known_is_refused_too(api: Api) -> None:
    assert "errors" not in await api.send(SCHEMA)
    with as_role(api.runtime, Role.VIEWER):
        assert code(await api.send(SCHEMA)) == "INTROSPECTION_DISABLED"
    with as_role(api.runtime, Role.EDITOR):
        assert "errors" not in await api.send(SCHEMA)


async def test_the_name_of_a_type_may_always_be_asked(api: Api) -> None:
    with as_role(api.runtime, Role.VIEWER):
        data = await api.data("{ __typename health { __typename } }")
    assert data == {"__typename": "Query", "health": {"__typename": "Health"}}


NEAR_MISSES = [
    ("{ helth { version } }", {}),
    ("{ health { versio } }", {}),
    ("{ workflow(nam: 1) { id } }", {}),
    ("{ executions(filter: {statu: [QUEUED]}) { nodes { id } } }", {}),
    ("{ executions(filter: {status: [QUEUE]}) { nodes { id } } }", {}),
    ("{ executions(filter: {status: QUEUE}) { nodes { id } } }", {}),
    ("query($f: ExecutionFilte) { executions(filter: $f) { nodes { id } } }", {}),
    ("query($f: ExecutionFilter) { executions(filter: $f) { nodes { id } } }", {"f": {"statu": ["QUEUED"]}}),
    ("query($f: ExecutionFilter) { executions(filter: $f) { nodes { id } } }", {"f": {"status": ["QUEUE"]}}),
    ("{ node(id: 1) { name } }", {}),
    ("{ __typename @skp(if: true) }", {}),
    ("{ ...Fo } fragment Foo on Query { __typename }", {}),
]


@pytest.mark.parametrize(("query", "variables"), NEAR_MISSES)
async def test_no_name_is_suggested_to_those_who_may_not_introspect(
    api: Api, query: str, variables: dict[str, object]
) -> None:
    with as_role(api.runtime, Role.VIEWER):
        answer = await api.send(query, **variables)
    assert answer["errors"]
    assert "Did you mean" not in str(answer)


async def test_names_are_suggested_to_those_who_may(api: Api) -> None:
    told = [str(await api.send(query, **variables)) for query, variables in NEAR_MISSES]
    assert sum("Did you mean" in each for each in told) > len(told) / 2


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(probe_app(RoleRuntime(local=False)))
    async with httpx.AsyncClient(transport=transport, base_url="http://weft.example") as client:
        yield client


async def test_the_error_comes_with_the_statuses_of_invalid_documents(client: httpx.AsyncClient) -> None:
    headers = {"authorization": "viewer", "accept": "application/graphql-response+json"}
    response = await client.post("/graphql", json={"query": SCHEMA}, headers=headers)
    assert (response.status_code, code(response)) == (400, "INTROSPECTION_DISABLED")
    assert only_error(response)["message"] == "Introspection is not allowed for your role"
