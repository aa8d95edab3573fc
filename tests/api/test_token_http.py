"""Bearer tokens over HTTP and server-sent events: who is let in, what strangers are told, and how a stream ends."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from tests.api.holders import Holders, bearer
from tests.api.probe import STREAMS, probe_app, stream_closed
from tests.api.serving import served

SSE = {"accept": "text/event-stream"}
NUMBER = {"query": "{ number }"}
UNKNOWN = 'Bearer realm="weft"'
REFUSED = 'Bearer realm="weft", error="invalid_token"'


@pytest.fixture
def holders(tmp_path: Path) -> Holders:
    return Holders(tmp_path)


@pytest.fixture
async def client(holders: Holders) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(probe_app(holders.runtime))
    async with httpx.AsyncClient(transport=transport, base_url="https://weft.example") as client:
        yield client


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   ", " Bearer "])
async def test_who_shows_a_token_is_answered(client: httpx.AsyncClient, holders: Holders, scheme: str) -> None:
    response = await client.post("/graphql", json=NUMBER, headers={"authorization": scheme + holders.admin})
    assert response.json() == {"data": {"number": 1}}
    assert (await client.get("/graphql", params=NUMBER, headers=bearer(holders.admin))).status_code == 200


@pytest.mark.parametrize("shown", [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearerx", "token"])
async def test_who_shows_no_token_is_asked_for_one(client: httpx.AsyncClient, shown: str | None) -> None:
    response = await client.post("/graphql", json=NUMBER, headers={} if shown is None else {"authorization": shown})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == UNKNOWN
    assert response.headers["cache-control"] == "no-store"
    message = "A bearer token is required"
    assert response.json() == {"errors": [{"message": message, "extensions": {"code": "UNAUTHENTICATED"}}]}


@pytest.mark.parametrize(
    "shown",
    ["wrong", "a b", "TOKEN TOKEN", "TOKEN, Bearer TOKEN", "TOKENx", "tÖken", "x" * 513, '"TOKEN"', "TOKEN\x01", "="],
)
async def test_what_is_no_token_of_ours_is_refused(client: httpx.AsyncClient, holders: Holders, shown: str) -> None:
    value = f"Bearer {shown.replace('TOKEN', holders.admin)}".encode("latin-1")
    response = await client.post("/graphql", json=NUMBER, headers=[(b"authorization", value)])
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == REFUSED
    message = "The token is not valid"
    assert response.json() == {"errors": [{"message": message, "extensions": {"code": "UNAUTHENTICATED"}}]}


async def test_two_headers_are_not_one_token(client: httpx.AsyncClient, holders: Holders) -> None:
    twice = [("authorization", f"Bearer {holders.admin}")] * 2
    assert (await client.post("/graphql", json=NUMBER, headers=twice)).status_code == 401


async def test_an_expired_a_withdrawn_and_an_unknown_token_look_alike(
    client: httpx.AsyncClient, holders: Holders
) -> None:
    expired, withdrawn = holders.add("old", lasts=timedelta(hours=1)), holders.add("gone")
    holders.look()
    for token in (expired, withdrawn):
        assert (await client.post("/graphql", json=NUMBER, headers=bearer(token))).status_code == 200
    holders.remove(withdrawn)
    holders.look()
    holders.clock.ahead = timedelta(hours=1)
    answers = [
        await client.post("/graphql", json=NUMBER, headers=bearer(token)) for token in (expired, withdrawn, "never")
    ]
    assert {(each.status_code, each.content, str(each.headers)) for each in answers} == {
        (401, answers[0].content, str(answers[0].headers))
    }


async def test_a_token_ends_at_the_moment_it_names(client: httpx.AsyncClient, holders: Holders) -> None:
    token = holders.add("short", lasts=timedelta(hours=1))
    holders.look()
    holders.clock.ahead = timedelta(minutes=59)
    assert (await client.post("/graphql", json=NUMBER, headers=bearer(token))).status_code == 200
    holders.clock.ahead = timedelta(minutes=60)
    assert (await client.post("/graphql", json=NUMBER, headers=bearer(token))).status_code == 401


async def test_the_refusal_comes_in_the_media_type_that_was_asked_for(client: httpx.AsyncClient) -> None:
    newer = "application/graphql-response+json"
    response = await client.post("/graphql", json=NUMBER, headers={"accept": newer})
    assert response.headers["content-type"] == f"{newer}; charset=utf-8"


async def test_a_stranger_gets_no_stream_but_a_refusal_before_it(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "subscription { count(to: 1) }"}, headers=SSE)
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "content", "headers"),
    [
        ("POST", b"{", {"content-type": "application/json"}),
        ("POST", b"x", {"content-type": "text/plain"}),
        ("PUT", b"", {}),
        ("OPTIONS", b"", {}),
        ("GET", b"", {"accept": "text/html"}),
        ("GET", b"", {"last-event-id": "x"}),
    ],
)
async def test_strangers_learn_nothing_about_their_requests(
    client: httpx.AsyncClient, method: str, content: bytes, headers: dict[str, str]
) -> None:
    assert (await client.request(method, "/graphql", content=content, headers=headers)).status_code == 401


async def test_the_page_for_browsers_is_not_served(client: httpx.AsyncClient, holders: Holders) -> None:
    page = await client.get("/graphql", headers={"accept": "text/html", **bearer(holders.admin)})
    assert "<!doctype" not in page.text


async def test_a_mutation_by_get_is_refused_with_a_token_too(client: httpx.AsyncClient, holders: Holders) -> None:
    response = await client.get("/graphql", params={"query": "mutation { bump }"}, headers=bearer(holders.admin))
    assert response.status_code == 405


async def test_a_token_in_the_address_is_none(client: httpx.AsyncClient, holders: Holders) -> None:
    for name in ("access_token", "authorization", "token"):
        assert (await client.get("/graphql", params=NUMBER | {name: holders.admin})).status_code == 401


async def test_the_body_of_a_stranger_is_not_waited_for(holders: Holders) -> None:
    async with served(probe_app(holders.runtime)) as address:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /graphql HTTP/1.1\r\nhost: weft\r\ncontent-type: application/json\r\n")
        writer.write(b"content-length: 8000000\r\n\r\n{")
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 401 ")
        writer.close()


@pytest.mark.parametrize("query", ["subscription { silent }", "subscription { endless }"])
async def test_a_stream_ends_with_its_token_and_is_not_completed(holders: Holders, query: str) -> None:
    token = holders.add("short", lasts=timedelta(hours=1))
    holders.look()
    async with (
        served(probe_app(holders.runtime)) as address,
        httpx.AsyncClient() as client,
        client.stream(
            "POST", f"http://{address}/graphql", json={"query": query}, headers=SSE | bearer(token)
        ) as response,
    ):
        assert response.status_code == 200
        holders.look()
        assert "closed" not in STREAMS
        holders.clock.ahead = timedelta(hours=1)
        holders.look()
        text = (await asyncio.wait_for(response.aread(), 5)).decode()
    await stream_closed()
    assert "event: complete" not in text
