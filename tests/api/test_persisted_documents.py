"""Documents that are named instead of sent: over HTTP (GET and POST), sockets, and as Apollo's and other clients name them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from engine.usecases.caller import Role
from graphql_api.admission.persisted import PersistedDocuments, RegisteredDocuments, sha256_of
from tests.api.probe import probe_app
from tests.api.roles import RoleRuntime, code, only_error
from tests.api.serving import served
from tests.api.socket_client import connected

TEXT = "query Q($v: JSON!) { echo(value: $v) }"
TRUSTED = "{ number }"
PLAIN = {"accept": "application/json"}


def named(text: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256_of(text), **more}}}


@asynccontextmanager
async def client_of(persisted: PersistedDocuments | None = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(probe_app(RoleRuntime(local=False), persisted=persisted))
    async with httpx.AsyncClient(transport=transport, base_url="http://weft.example", headers=PLAIN) as client:
        yield client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of() as client:
        yield client


@pytest.fixture
async def strict() -> AsyncIterator[httpx.AsyncClient]:
    """`number` is trusted; viewers and editors may do nothing else."""
    async with client_of(PersistedDocuments({"number": TRUSTED}, frozenset({Role.VIEWER, Role.EDITOR}))) as client:
        yield client


async def test_a_document_is_registered_once_and_named_from_then_on(client: httpx.AsyncClient) -> None:
    unknown = await client.post("/graphql", json=named(TEXT))
    assert (unknown.status_code, code(unknown)) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert only_error(unknown)["message"] == "PersistedQueryNotFound"
    for given in ({"query": TEXT}, {}, {}):
        response = await client.post("/graphql", json=named(TEXT) | given | {"variables": {"v": 1}})
        assert response.json() == {"data": {"echo": 1}}


async def test_it_is_named_in_the_address_too(client: httpx.AsyncClient) -> None:
    parameters = {"variables": '{"v": 2}', "extensions": json.dumps(named(TEXT)["extensions"])}
    assert code(await client.get("/graphql", params=parameters)) == "PERSISTED_QUERY_NOT_FOUND"
    for given in ({"query": TEXT}, {}):
        assert (await client.get("/graphql", params=parameters | given)).json() == {"data": {"echo": 2}}


async def test_it_is_named_by_a_document_id_too(client: httpx.AsyncClient) -> None:
    given: dict[str, Any] = {"documentId": f"sha256:{sha256_of(TEXT)}", "variables": {"v": 3}}
    assert code(await client.post("/graphql", json=given)) == "PERSISTED_DOCUMENT_NOT_FOUND"
    await client.post("/graphql", json=named(TEXT) | {"query": TEXT})
    assert (await client.post("/graphql", json=given)).json() == {"data": {"echo": 3}}
    in_address = await client.get("/graphql", params={"documentId": given["documentId"], "variables": '{"v": 4}'})
    assert in_address.json() == {"data": {"echo": 4}}


async def test_a_named_mutation_is_not_executed_by_get(client: httpx.AsyncClient) -> None:
    mutation = "mutation { bump }"
    await client.post("/graphql", json=named(mutation) | {"query": mutation})
    response = await client.get("/graphql", params={"documentId": f"sha256:{sha256_of(mutation)}"})
    assert response.status_code == 405


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (named(TEXT) | {"query": "{ number }"}, "BAD_REQUEST"),
        (named(TEXT, version=2), "PERSISTED_QUERY_NOT_SUPPORTED"),
        (named(TEXT, version=None), "PERSISTED_QUERY_NOT_SUPPORTED"),
        (named(TEXT, sha256Hash="x"), "BAD_REQUEST"),
        (named(TEXT, sha256Hash=None), "BAD_REQUEST"),
        (named(TEXT, sha256Hash=sha256_of(TEXT).upper()), "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": None}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": []}}, "BAD_REQUEST"),
        ({"documentId": "sha256:1", "query": TEXT}, "BAD_REQUEST"),
        ({"documentId": ""}, "PERSISTED_DOCUMENT_NOT_FOUND"),
        ({"documentId": "sha256:"}, "PERSISTED_DOCUMENT_NOT_FOUND"),
        ({"documentId": 1}, "BAD_REQUEST"),
        ({"extensions": {}}, "BAD_REQUEST"),
    ],
)
async def test_what_names_no_document_is_refused(
    client: httpx.AsyncClient, given: dict[str, Any], expected: str
) -> None:
    assert code(await client.post("/graphql", json=given)) == expected


@pytest.mark.parametrize("query", ["{ nothing }", "{", "{" + "plain " * 3_000 + "}"])
async def test_a_document_that_is_refused_is_not_registered(client: httpx.AsyncClient, query: str) -> None:
    await client.post("/graphql", json=named(query) | {"query": query})
    assert code(await client.post("/graphql", json=named(query))) == "PERSISTED_QUERY_NOT_FOUND"


async def test_what_one_tenant_registered_another_does_not_find(client: httpx.AsyncClient) -> None:
    alice, bob = {"authorization": "admin a acme"}, {"authorization": "admin b globex"}
    await client.post("/graphql", json=named(TEXT) | {"query": TEXT}, headers=alice)
    assert code(await client.post("/graphql", json=named(TEXT), headers=bob)) == "PERSISTED_QUERY_NOT_FOUND"


async def test_sockets_name_documents_too() -> None:
    async with served(probe_app(RoleRuntime(local=False))) as address, connected(address) as socket:
        await socket.begin()
        payloads: list[tuple[dict[str, Any], str]] = [
            (named(TEXT), "error"),
            (named(TEXT) | {"query": TEXT}, "next"),
            (named(TEXT), "next"),
            ({"documentId": f"sha256:{sha256_of(TEXT)}"}, "next"),
        ]
        for number, (payload, expected) in enumerate(payloads):
            await socket.send("subscribe", id=str(number), payload=payload | {"variables": {"v": number}})
            answer = await socket.receive()
            assert answer["type"] == expected
            if expected == "error":
                assert answer["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
            else:
                assert answer["payload"] == {"data": {"echo": number}}
                assert (await socket.receive())["type"] == "complete"


@pytest.mark.parametrize(
    "given",
    [{"query": TRUSTED}, {"documentId": "number"}, {"documentId": f"sha256:{sha256_of(TRUSTED)}"}, named(TRUSTED)],
)
@pytest.mark.parametrize("role", ["viewer", "admin"])
async def test_a_trusted_document_is_executed_however_it_is_named(
    strict: httpx.AsyncClient, given: dict[str, Any], role: str
) -> None:
    response = await strict.post("/graphql", json=given, headers={"authorization": role})
    assert response.json() == {"data": {"number": 1}}


UNTRUSTED: list[tuple[dict[str, Any], str]] = [
    ({"query": TEXT}, "PERSISTED_QUERY_NOT_IN_LIST"),
    ({"query": TRUSTED + " "}, "PERSISTED_QUERY_NOT_IN_LIST"),
    ({"query": "{"}, "PERSISTED_QUERY_NOT_IN_LIST"),
    (named(TEXT), "PERSISTED_QUERY_NOT_IN_LIST"),
    (named(TEXT) | {"query": TEXT}, "PERSISTED_QUERY_NOT_IN_LIST"),
    (named(TRUSTED) | {"query": TEXT}, "PERSISTED_QUERY_NOT_IN_LIST"),
    ({"documentId": f"sha256:{sha256_of(TEXT)}"}, "PERSISTED_DOCUMENT_NOT_FOUND"),
]


@pytest.mark.parametrize(("given", "expected"), UNTRUSTED)
async def test_nothing_else_is_executed_for_those_who_are_held_to_the_list(
    strict: httpx.AsyncClient, given: dict[str, Any], expected: str
) -> None:
    await strict.post("/graphql", json=named(TEXT) | {"query": TEXT}, headers={"authorization": "admin"})
    for role in ("viewer", "editor"):
        assert code(await strict.post("/graphql", json=given, headers={"authorization": role})) == expected


async def test_others_of_the_tenant_execute_what_they_like(strict: httpx.AsyncClient) -> None:
    response = await strict.post("/graphql", json={"query": "{ number(value: 3) }"}, headers={"authorization": "admin"})
    assert response.json() == {"data": {"number": 3}}


def test_registered_documents_stay_within_their_bounds_and_the_last_ones_stay() -> None:
    registered = RegisteredDocuments(tenants=2, documents=3, tenant_bytes=1_000)
    for tenant in ("a", "b", "c"):
        for number in range(50):
            registered.put(tenant, str(number), "x" * 100)
    assert registered.get("a", "49") is None
    assert [registered.get("c", str(number)) is not None for number in (46, 47, 48, 49)] == [False, True, True, True]
    registered.put("c", "long", "x" * 900)
    assert registered.get("c", "48") is None
    assert registered.get("c", "long") == "x" * 900
    assert registered.bytes_kept == 300 + 1_000


def test_what_was_registered_is_counted_and_held_in_utf_8() -> None:
    registered = RegisteredDocuments(tenants=2, documents=50, tenant_bytes=10_000)
    text = "\U0001f600" * 1_000 + "\ud800"
    for number in range(10):
        registered.put("a", str(number), text)
    assert registered.bytes_kept == 2 * 4_003
    assert [registered.get("a", str(number)) for number in (7, 8, 9)] == [None, text, text]
