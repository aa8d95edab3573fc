"""What a foreign web page can have a browser send, and which pages may use the API."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from websockets.exceptions import InvalidStatus

from graphql_api.transports.origins import OriginGuard
from tests.api.probe import ProbeRuntime, probe_app
from tests.api.roles import RoleRuntime, code
from tests.api.serving import served
from tests.api.socket_client import connected

QUERY = {"query": "{ number }"}
CONSOLE = "https://console.example.com"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(probe_app(ProbeRuntime()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


IMAGE = {"accept": "image/avif,image/webp,*/*", "sec-fetch-mode": "no-cors"}
FORGED = [
    {},
    {"accept": ""},
    {"accept": "*/*"},
    {"accept": "application/*"},
    {"accept": "image/webp,*/*;q=0.8"},
    IMAGE,
    {"accept": "application/json", "sec-fetch-mode": "no-cors"},
    {"accept": "application/json", "sec-fetch-mode": "navigate"},
    {"accept": "*/*", "sec-fetch-mode": ""},
]
"""The seventh is `fetch` with `no-cors`, which may say `Accept` as it likes."""
ASKED = [
    {"accept": "application/json"},
    {"accept": "application/graphql-response+json, application/json;q=0.9"},
    {"accept": "*/*", "sec-fetch-mode": "cors"},
    {"accept": "*/*", "sec-fetch-mode": "same-origin"},
    {"accept": "*/*", "authorization": "Bearer x"},
]


@pytest.mark.parametrize("headers", FORGED)
async def test_a_get_that_any_page_could_have_sent_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    client.headers.clear()
    response = await client.get("/graphql", params=QUERY, headers={"host": "127.0.0.1:8000", **headers})
    assert (response.status_code, code(response)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("headers", ASKED)
async def test_a_get_that_a_client_meant_is_answered(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    response = await client.get("/graphql", params=QUERY, headers=headers)
    assert response.json() == {"data": {"number": 1}}


async def test_a_forged_event_stream_is_not_begun(client: httpx.AsyncClient) -> None:
    headers = {"accept": "text/event-stream", "sec-fetch-mode": "no-cors"}
    response = await client.get("/graphql", params={"query": "subscription { count(to: 2) }"}, headers=headers)
    assert response.status_code == 403


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/json;a=b"],
)
async def test_a_post_of_a_form_is_refused(client: httpx.AsyncClient, content_type: str) -> None:
    body = b'{"query": "mutation { bump }"}'
    response = await client.post("/graphql", content=body, headers={"content-type": content_type})
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "PUT", "HEAD"])
async def test_methods_that_no_client_needs_are_refused(client: httpx.AsyncClient, method: str) -> None:
    assert (await client.request(method, "/graphql")).status_code == 405


def guarded() -> Starlette:
    app = probe_app(RoleRuntime(local=False))
    app.add_middleware(OriginGuard, allowed=(CONSOLE,))
    return app


@pytest.fixture
async def pages() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(guarded())
    async with httpx.AsyncClient(transport=transport, base_url="https://weft.example.com") as client:
        yield client


async def test_pages_of_a_listed_origin_are_answered_and_may_read_the_answer(pages: httpx.AsyncClient) -> None:
    response = await pages.post("/graphql", json=QUERY, headers={"origin": CONSOLE})
    assert response.json() == {"data": {"number": 1}}
    assert response.headers["access-control-allow-origin"] == CONSOLE
    assert "retry-after" in response.headers["access-control-expose-headers"]


async def test_browsers_may_ask_beforehand(pages: httpx.AsyncClient) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    response = await pages.options("/graphql", headers={"origin": CONSOLE, **asked})
    assert response.status_code == 200
    assert "authorization" in response.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize("origin", ["https://weft.example.com", "http://weft.example.com", None])
async def test_the_own_pages_and_programs_are_answered(pages: httpx.AsyncClient, origin: str | None) -> None:
    headers = {"origin": origin} if origin else {}
    assert (await pages.post("/graphql", json=QUERY, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", CONSOLE + ".evil.example", CONSOLE + ":8443", "http://console.example.com", "[::"],
)  # fmt: skip
async def test_pages_of_other_origins_are_refused(pages: httpx.AsyncClient, origin: str) -> None:
    response = await pages.post("/graphql", json=QUERY, headers={"origin": origin})
    assert (response.status_code, code(response)) == (403, "FORBIDDEN")
    assert "access-control-allow-origin" not in response.headers


async def test_sockets_of_other_origins_are_refused_before_they_open() -> None:
    async with served(guarded()) as address:
        with pytest.raises(InvalidStatus, match="403"):
            async with connected(address, origin="https://evil.example"):
                pass
        async with connected(address, origin=CONSOLE) as socket:
            await socket.begin()
