"""GraphQL over HTTP: what is read, what is refused, and how the answer looks."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from graphql_api.admission.persisted import sha256_of
from graphql_api.transports.reading import MAX_BODY
from tests.api.probe import ProbeRuntime, probe_app

JSON_TYPE = {"content-type": "application/json"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(probe_app(ProbeRuntime()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


def only_error(response: httpx.Response) -> dict[str, Any]:
    (error,) = response.json()["errors"]
    assert isinstance(error, dict)
    return error


async def test_a_query_by_post_is_answered_as_json(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", json={"query": "query($v: JSON!) { echo(value: $v) }", "variables": {"v": [1]}}
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {"data": {"echo": [1]}}


async def test_the_newer_media_type_is_used_where_a_client_prefers_it(client: httpx.AsyncClient) -> None:
    accept = {"accept": "application/graphql-response+json, application/json;q=0.9"}
    response = await client.post("/graphql", json={"query": "{ number }"}, headers=accept)
    assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"


async def test_a_query_by_get_is_answered(client: httpx.AsyncClient) -> None:
    parameters = {"query": "query Q($v: JSON!) { echo(value: $v) }", "variables": '{"v": 1}', "operationName": "Q"}
    response = await client.get("/graphql", params=parameters, headers={"accept": "application/json"})
    assert response.json() == {"data": {"echo": 1}}


async def test_a_mutation_by_get_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get(
        "/graphql", params={"query": "mutation { bump }"}, headers={"accept": "application/json"}
    )
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    assert (await client.request(method, "/graphql")).status_code == 405


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=utf-16"]
)
async def test_a_body_that_a_form_could_send_is_refused(client: httpx.AsyncClient, content_type: str) -> None:
    response = await client.post(
        "/graphql", content=b'{"query": "mutation { bump }"}', headers={"content-type": content_type}
    )
    assert response.status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'[{"query": "{ number }"}]',
        b"1",
        b"null",
        b'"x"',
        b"{}",
        b'{"query": 1}',
        b'{"query": null}',
        b"\xff\xfe",
    ],
)
async def test_what_is_no_request_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/graphql", content=body, headers=JSON_TYPE)
    assert response.status_code == 400
    assert only_error(response)["extensions"]["code"] == "BAD_REQUEST"


async def test_variables_that_are_no_object_are_refused_with_their_place(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ number }", "variables": []})
    assert response.status_code == 400
    assert "$.variables" in only_error(response)["message"]


async def test_a_body_that_is_too_large_is_refused_with_an_error(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", content=b" " * (MAX_BODY + 1), headers=JSON_TYPE)
    assert response.status_code == 413
    assert only_error(response)["extensions"]["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_body_that_does_not_tell_its_length_is_counted(client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * (1024 * 1024)

    response = await client.post("/graphql", content=chunks(), headers=JSON_TYPE)
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ number(value: "x") }', "GRAPHQL_VALIDATION_FAILED"),
        ("query($v: Int!) { number(value: $v) }", "BAD_USER_INPUT"),
        ("query A { number } query B { number }", "BAD_USER_INPUT"),
        ("{ refused }", "BAD_USER_INPUT"),
        ("{ unavailable }", "UNAVAILABLE"),
        ("{ broken }", "INTERNAL"),
    ],
)
async def test_errors_have_the_code_of_the_stage_that_found_them(
    client: httpx.AsyncClient, query: str, code: str
) -> None:
    response = await client.post("/graphql", json={"query": query})
    assert response.status_code == 200
    assert only_error(response)["extensions"]["code"] == code


async def test_a_request_that_is_wrong_has_a_status_in_the_newer_media_type(client: httpx.AsyncClient) -> None:
    accept = {"accept": "application/graphql-response+json"}
    wrong = await client.post("/graphql", json={"query": "{ nothing }"}, headers=accept)
    failed = await client.post("/graphql", json={"query": "{ broken }"}, headers=accept)
    assert (wrong.status_code, failed.status_code) == (400, 200)


async def test_a_variable_of_the_wrong_type_names_its_place(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", json={"query": "query($v: Int) { number(value: $v) }", "variables": {"v": "x"}}
    )
    error = only_error(response)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "$v" in error["message"]


async def test_an_unexpected_exception_shows_an_id_and_nothing_else(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.post("/graphql", json={"query": "{ broken number }"})
    error = only_error(response)
    assert response.json()["data"] == {"broken": None, "number": 1}
    assert error["message"] == f"Internal error, id {error['extensions']['id']}"
    assert "hunter2" not in response.text
    assert error["extensions"]["id"] in caplog.text
    assert "hunter2" in caplog.text, "the log has the stack"


@pytest.mark.parametrize(
    "query",
    [
        "{ number " + "itself { number " * 15 + "}" * 16,
        "{" + " ".join(f"a{n}: number" for n in range(201)) + "}",
        "{ number " * 2000 + "}" * 2000,
        "{ echo(value: " + "[" * 2000 + "]" * 2000 + ") }",
        "{ number }" + " " * 100_001,
        "{" + "number " * 5001 + "}",
        "query { ...a } "
        + " ".join(
            f"fragment {x} on Query {{ x: itself {{ ...{y} }} y: itself {{ ...{y} }} }}"
            for x, y in zip("abcdefghijk", "bcdefghijkl", strict=True)
        )
        + " fragment l on Query { number }",
    ],
    ids=["depth", "aliases", "nesting", "json nesting", "length", "tokens", "fragments"],
)
async def test_documents_that_would_cost_too_much_are_refused(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post("/graphql", json={"query": query})
    assert response.json()["errors"][0]["extensions"]["code"] in ("GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED")


async def test_the_document_is_validated_again_after_it_was_refused(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert "errors" in (await client.post("/graphql", json={"query": "{ nothing }"})).json()
        assert "data" in (await client.post("/graphql", json={"query": "{ number }"})).json()


async def test_json_that_is_deep_or_odd_comes_back_as_json(client: httpx.AsyncClient) -> None:
    deep = b"[" * 900 + b"]" * 900
    for value in (deep, b'"\\u0000"', b'"\\ud800"', b"-0.0", b"123456789012345678901234567890"):
        body = b'{"query": "query($v: JSON!) { echo(value: $v) }", "variables": {"v": ' + value + b"}}"
        response = await client.post("/graphql", content=body, headers=JSON_TYPE)
        assert response.status_code == 200, response.text
        assert "data" in response.json()


async def test_json_nested_beyond_reason_is_refused(client: httpx.AsyncClient) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    body = b'{"query": "query($v: JSON!) { echo(value: $v) }", "variables": {"v": ' + deep + b"}}"
    assert (await client.post("/graphql", content=body, headers=JSON_TYPE)).status_code == 400


async def test_numbers_that_json_does_not_have_become_null(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ echo(value: 1e999) }"})
    assert orjson.loads(response.content) == {"data": {"echo": None}}


async def test_fields_come_in_the_order_of_the_selection(client: httpx.AsyncClient) -> None:
    query = "{ __typename itself { number __typename b: itself { plain } plain } z: number a: number }"
    response = await client.post("/graphql", json={"query": query})
    assert response.text == (
        '{"data":{"__typename":"Query","itself":{"number":1,"__typename":"Query","b":{"plain":"as it is"},"plain":"as it is"},'
        '"z":1,"a":1}}'
    )


async def test_a_plain_field_that_has_no_value_is_reported_where_it_is(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ hollow { plain } }"})
    assert response.json()["data"] == {"hollow": None}
    assert only_error(response)["path"] == ["hollow", "plain"]


async def test_variables_may_stand_inside_of_literal_json(client: httpx.AsyncClient) -> None:
    query = 'query($v: JSON) { echo(value: {a: [1, 2.5, "x", true, null, $v]}) }'
    response = await client.post("/graphql", json={"query": query, "variables": {"v": {"b": 1}}})
    assert response.json()["data"]["echo"] == {"a": [1, 2.5, "x", True, None, {"b": 1}]}


async def test_a_client_that_takes_nothing_we_have_is_told_so(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ number }"}, headers={"accept": "image/png"})
    assert response.status_code == 406


async def test_a_subscription_needs_a_client_that_takes_streams(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", json={"query": "subscription { count(to: 1) }"}, headers={"accept": "application/json"}
    )
    assert response.status_code == 406
    assert "text/event-stream" in only_error(response)["message"]


async def test_a_browser_gets_a_page_in_local_mode_alone(client: httpx.AsyncClient) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = await client.get("/graphql", headers=browser)
    assert page.headers["content-type"].startswith("text/html")
    remote = httpx.ASGITransport(probe_app(ProbeRuntime(local=False)))
    async with httpx.AsyncClient(transport=remote, base_url="https://weft.example") as other:
        assert (await other.get("/graphql", headers=browser)).status_code == 403


async def test_the_authorization_header_decides_who_calls() -> None:
    runtime = ProbeRuntime()
    transport = httpx.ASGITransport(probe_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.post("/graphql", json={"query": "{ number }"}, headers={"authorization": "Bearer t"})
    assert runtime.seen == ["Bearer t"]


@pytest.mark.parametrize(
    ("accept", "mode", "status"), [("image/png", "cors", 406), ("image/png", None, 403), ("*/*", "no-cors", 403)]
)
async def test_what_the_head_of_a_get_tells_is_checked_before_the_document_is_looked_at(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, accept: str, mode: str | None, status: int
) -> None:
    parsed: list[object] = []
    monkeypatch.setattr("graphql_api.transports.documents.parse", lambda *_, **__: parsed.append(1))
    headers = {"accept": accept} | ({} if mode is None else {"sec-fetch-mode": mode})
    response = await client.get("/graphql", params={"query": "{ plain number }"}, headers=headers)
    assert (response.status_code, parsed) == (status, [])


async def test_nothing_is_registered_for_who_takes_no_answer_that_there_is(client: httpx.AsyncClient) -> None:
    text = "{ number }"
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": sha256_of(text)}}
    sent = {"query": text, "extensions": persisted}
    assert (await client.post("/graphql", json=sent, headers={"accept": "image/png"})).status_code == 406
    asked = await client.post("/graphql", json={"extensions": persisted})
    assert asked.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
