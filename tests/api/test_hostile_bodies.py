"""Bodies that nobody sends by mistake: a clear error each, and memory that does not follow them."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from graphql_api.transports.json_size import MOST_VALUES
from graphql_api.transports.reading import MAX_BODY
from tests.api.probe import ProbeRuntime, probe_app
from tests.api.roles import RoleRuntime, code, only_error
from tests.api.serving import served

JSON_TYPE = {"content-type": "application/json"}
MEGABYTE = 1_000_000


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(probe_app(ProbeRuntime()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client


def echoing(value: str) -> bytes:
    query = "query($v: JSON!) { echo(value: $v) }"
    return f'{{"query": "{query}", "variables": {{"v": {value}}}}}'.encode("utf-8", "surrogatepass")


async def of_size(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(megabytes):
        yield b" " * MEGABYTE


async def test_a_body_of_a_hundred_megabytes_is_refused_and_never_held() -> None:
    async with served(probe_app(ProbeRuntime())) as address, httpx.AsyncClient() as client:
        tracemalloc.start()
        try:
            with pytest.raises(httpx.HTTPError):
                await client.post(f"http://{address}/graphql", content=of_size(100), headers=JSON_TYPE)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < 3 * MAX_BODY
        response = await client.post(f"http://{address}/graphql", content=of_size(20), headers=JSON_TYPE)
        assert (response.status_code, code(response)) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(("role", "most"), [("viewer", 2**18), ("editor", 2**23), ("admin", 2**23)])
async def test_a_body_has_the_size_that_the_role_of_its_sender_allows(role: str, most: int) -> None:
    transport = httpx.ASGITransport(probe_app(RoleRuntime(local=False)))
    async with httpx.AsyncClient(transport=transport, base_url="http://weft.example") as client:
        client.headers.update({"authorization": role} | JSON_TYPE)
        body = b'{"query": "{ number }"}'
        assert (await client.post("/graphql", content=body.ljust(most))).json() == {"data": {"number": 1}}
        response = await client.post("/graphql", content=body.ljust(most + 1))
        assert (response.status_code, code(response)) == (413, "PAYLOAD_TOO_LARGE")
        assert f"{most:,} bytes" in only_error(response)["message"]


def gzipped(megabytes: int) -> bytes:
    return gzip.compress(b" " * MEGABYTE * megabytes)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzipped(50)),
        ("gzip", gzip.compress(gzipped(50))),
        ("gzip, gzip", gzip.compress(gzipped(50))),
        ("deflate", zlib.compress(b" " * 50 * MEGABYTE)),
        ("br", b"x"),
        ("x-unknown", b"x"),
        ("identity, gzip", gzipped(1)),
    ],
)
async def test_a_compressed_body_is_refused_and_never_unpacked(
    client: httpx.AsyncClient, encoding: str, body: bytes
) -> None:
    tracemalloc.start()
    try:
        response = await client.post("/graphql", content=body, headers=JSON_TYPE | {"content-encoding": encoding})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert most < MEGABYTE


MANY = MOST_VALUES + 10


@pytest.mark.parametrize(
    "value",
    [
        "[" + "[]," * MANY + "1]",
        "[" + "{}," * MANY + "1]",
        "[" + "1," * MANY + "1]",
        "[" + '"",' * MANY + "1]",
        "[" + '"\\"",' * MANY + "1]",
        "{" + '"a":1,' * MANY + '"b":1}',
    ],
    ids=["lists", "objects", "numbers", "texts", "escapes", "members"],
)
async def test_values_without_number_are_refused_before_they_are_read(client: httpx.AsyncClient, value: str) -> None:
    body = echoing(value)
    tracemalloc.start()
    try:
        response = await client.post("/graphql", content=body, headers=JSON_TYPE)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (response.status_code, code(response)) == (413, "PAYLOAD_TOO_LARGE")
    assert most < 4 * len(body), "as text it is held, as values it would take 30 times as much"


@pytest.mark.parametrize("text", [",[{" * MANY, '\\",' * MANY, "\\\\" * MANY + ",", '"' * MANY + "," * MANY])
async def test_a_long_text_is_one_value(client: httpx.AsyncClient, text: str) -> None:
    value = json.dumps(text)
    response = await client.post("/graphql", content=echoing(value), headers=JSON_TYPE)
    assert response.json() == {"data": {"echo": text}}


@pytest.mark.parametrize("deep", ["[" * 2_000 + "]" * 2_000, '{"a":' * 2_000 + "1" + "}" * 2_000, "[" * 1_000_000])
async def test_variables_that_are_deep_are_refused(client: httpx.AsyncClient, deep: str) -> None:
    response = await client.post("/graphql", content=echoing(deep), headers=JSON_TYPE)
    assert response.status_code in (400, 413)
    assert code(response) in ("BAD_REQUEST", "PAYLOAD_TOO_LARGE")


async def test_deep_variables_with_wide_numbers_are_refused_too(client: httpx.AsyncClient) -> None:
    deep = "[" * 5_000 + "1" * 30 + "]" * 5_000
    assert (await client.post("/graphql", content=echoing(deep), headers=JSON_TYPE)).status_code == 400


PLANES = "".join(chr(plane * 0x10000 + 0x61) + chr(plane * 0x10000 + 0xFFFD) for plane in range(17))


async def test_characters_of_every_plane_come_back(client: httpx.AsyncClient) -> None:
    for value in (json.dumps(PLANES), json.dumps(PLANES, ensure_ascii=False)):
        response = await client.post("/graphql", content=echoing(value), headers=JSON_TYPE)
        assert response.json() == {"data": {"echo": PLANES}}
    query = f"{{ echo(value: {json.dumps(PLANES, ensure_ascii=False)}) }}"
    assert (await client.post("/graphql", json={"query": query})).json() == {"data": {"echo": PLANES}}


@pytest.mark.parametrize("character", [*PLANES, "\u0000", "\ufeff", "\ud800", "\u202e", "\u2028", "\u00a0"])
async def test_characters_outside_of_texts_are_no_document(client: httpx.AsyncClient, character: str) -> None:
    body = json.dumps({"query": f"{{ number {character}x }}"}).encode()
    response = await client.post("/graphql", content=body, headers=JSON_TYPE)
    errors = response.json().get("errors", [])
    if character not in ("a", "\ufeff"):  # a letter, and the mark that the language ignores
        assert errors[0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{\x00}\x00",
        '{"query": "{ number }"}'.encode("utf-16"),
        '{"query": "{ number }"}'.encode("utf-32"),
        b'{"query": "\xc3\x28"}',
        b'{"query": "\xed\xa0\x80"}',
        b'{"query": "\xf8\x88\x80\x80\x80"}',
        b'{"query": "\xc0\xaf"}',
        b'\xef\xbb\xbf{"query": "{ number }"}',
        b'{"query": "{ number }"',
        b'{"query": "{ number }"} x',
        b"NaN",
        b"\x00",
    ],
)
async def test_what_is_no_utf8_or_no_json_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/graphql", content=body, headers=JSON_TYPE)
    assert response.status_code in (200, 400)
    error = only_error(response)
    assert error["extensions"]["code"] in ("BAD_REQUEST", "GRAPHQL_PARSE_FAILED")
    assert "Traceback" not in str(error)


@pytest.mark.parametrize("batch", [[], [{"query": "{ number }"}], [{"query": "{ number }"}] * 10, [[]]])
async def test_batches_are_refused_clearly(client: httpx.AsyncClient, batch: list[Any]) -> None:
    response = await client.post("/graphql", json=batch)
    assert (response.status_code, code(response)) == (400, "BAD_REQUEST")
    assert "Batches are not accepted" in only_error(response)["message"]
