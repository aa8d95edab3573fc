import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from engine.executors.addresses import AddressGuard
from engine.executors.http import Http
from engine.executors.http_with import HttpWith
from engine.executors.pinned_transport import PinnedTransport, resolve_by_system
from engine.executors.port import Done, StepFailure
from tests.executors.fake_step import FakeStepContext
from tests.executors.stub_server import Answer, Received, respond, serving

LOOPBACK = (ip_network("127.0.0.1/32"),)


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    """May reach 127.0.0.1 and nothing else on this machine."""
    transport = PinnedTransport(AddressGuard(resolve_by_system, allowed_networks=LOOPBACK))
    yield Http(transport)
    await transport.aclose()


async def output(http: Http, **with_: Any) -> dict[str, Any]:
    result = await http.run(FakeStepContext(with_=HttpWith.model_validate(with_)))
    assert isinstance(result, Done)
    assert isinstance(result.output, dict)
    return result.output


async def failure(http: Http, **with_: Any) -> Any:
    with pytest.raises(StepFailure) as raised:
        await http.run(FakeStepContext(with_=HttpWith.model_validate(with_)))
    return raised.value.failure


async def test_a_json_response_is_parsed_and_header_names_are_lower_case(http: Http) -> None:
    async with serving(respond(body=b'{"a": [1, null]}', Content_Type="application/json", X_Two="2")) as server:
        got = await output(http, url=server.url)
    assert (got["status"], got["body"]) == (200, {"a": [1, None]})
    assert got["headers"]["x-two"] == "2"


async def test_a_header_sent_twice_is_joined(http: Http) -> None:
    async def twice(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\nx-a: 1\r\nX-A: 2\r\nconnection: close\r\n\r\n")

    async with serving(twice) as server:
        got = await output(http, url=server.url)
    assert (got["headers"]["x-a"], got["body"]) == ("1, 2", None)


@pytest.mark.parametrize(
    ("content_type", "body", "value"),
    [
        ("text/plain; charset=iso-8859-1", b"caf\xe9", "café"),
        ("text/plain; charset=nonsense", "é".encode(), "é"),
        ("text/plain; charset=punycode", b"a-b", "a-b"),
        ("application/problem+json", b'{"x": 1}', {"x": 1}),
        ("text/plain", b"a\0b", {"base64": "YQBi"}),
        ("image/png", b"\x89PNG\x00", {"base64": "iVBORwA="}),
    ],
)
async def test_a_body_becomes_what_its_content_type_says(
    http: Http, content_type: str, body: bytes, value: Any
) -> None:
    async with serving(respond(body=body, Content_Type=content_type)) as server:
        assert (await output(http, url=server.url))["body"] == value


@pytest.mark.parametrize("body", [b"{", b'"\\ud800"', b"NaN", b"[" * 500 + b"]" * 500])
async def test_json_that_cannot_be_stored_is_a_failure(http: Http, body: bytes) -> None:
    async with serving(respond(body=body, Content_Type="application/json")) as server:
        assert (await failure(http, url=server.url)).code == "invalid_json"


async def test_the_request_carries_method_query_headers_json_and_idempotency_key(http: Http) -> None:
    async with serving(respond()) as server:
        await output(
            http,
            method="post",
            url=f"{server.url}/a?x=1",
            query={"y": [True, "ä&"], "z": None},
            headers={"X-Count": 3},
            json={"n": None},
        )
    request = server.received[0]
    assert (request.method, request.target) == ("POST", "/a?x=1&y=true&y=%C3%A4%26")
    assert (request.headers["x-count"], request.headers["content-type"]) == ("3", "application/json")
    assert (request.headers["idempotency-key"], request.body) == ("ex_test/step", b'{"n":null}')


async def test_a_given_idempotency_key_is_kept_and_reading_needs_none(http: Http) -> None:
    async with serving(respond()) as server:
        await output(http, method="PUT", url=server.url, headers={"Idempotency-Key": "mine"})
        await output(http, url=server.url)
    assert [request.headers.get("idempotency-key") for request in server.received] == ["mine", None]


async def test_a_form_and_a_binary_body_are_sent(http: Http) -> None:
    async with serving(respond()) as server:
        await output(http, method="POST", url=server.url, form={"a": "x y", "b": [1, 2]})
        await output(http, method="POST", url=server.url, body={"base64": "iVBORwA="})
    assert [request.body for request in server.received] == [b"a=x+y&b=1&b=2", b"\x89PNG\x00"]


def test_two_bodies_are_refused() -> None:
    with pytest.raises(ValidationError, match="give only one of `json` and `body`"):
        HttpWith.model_validate({"url": "http://x", "json": 1, "body": ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-a", "1\r\nx-evil: 1"),
        ("x a", "1"),
        ("x-a\r\nx-evil", "1"),
        ("Host", "other"),
        ("transfer-encoding", "chunked"),
    ],
)
async def test_headers_cannot_be_injected(http: Http, name: str, value: str) -> None:
    async with serving(respond()) as server:
        assert (await failure(http, url=server.url, headers={name: value})).code == "bad_header"
    assert not server.received


async def test_credentials_in_the_url_become_basic_authorization(http: Http) -> None:
    async with serving(respond()) as server:
        await output(http, url=server.url.replace("http://", "http://me:pass@"))
    assert server.received[0].headers["authorization"] == "Basic bWU6cGFzcw=="


# ------------------------------------------------------------------ statuses


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (404, False), (408, True), (425, True), (429, True), (500, True), (503, True)],
)
async def test_an_unexpected_status_fails_with_its_code(http: Http, status: int, retryable: bool) -> None:  # noqa: FBT001 - a parameter
    async with serving(respond(status, b'{"why": "x"}', Retry_After="7")) as server:
        failed = await failure(http, url=f"{server.url}/path?token=abc")
    assert (failed.code, failed.retryable, failed.step_id) == (f"http_{status}", retryable, "step")
    assert (failed.details["body"], failed.details["retry_after_seconds"]) == ('{"why": "x"}', 7)
    assert "abc" not in failed.message


async def test_an_expected_status_is_a_success(http: Http) -> None:
    async with serving(respond(404)) as server:
        assert (await output(http, url=server.url, expect_status=["2xx", 404]))["status"] == 404
        assert (await output(http, url=server.url, expect_status=404))["status"] == 404


async def test_a_long_error_body_is_cut_short(http: Http) -> None:
    async with serving(respond(500, b"x" * 1_000_000)) as server:
        assert len((await failure(http, url=server.url, max_bytes=10)).details["body"]) == 2000


# ------------------------------------------------------------------ sizes and times


async def test_a_response_beyond_max_bytes_is_refused(http: Http) -> None:
    async with serving(respond(body=b"x" * 101)) as server:
        failed = await failure(http, url=server.url, max_bytes=100)
        assert (failed.code, failed.retryable) == ("response_too_large", False)
        assert (await output(http, url=server.url, max_bytes=101))["body"] == "x" * 101


async def test_a_compressed_response_is_unpacked(http: Http) -> None:
    packed = gzip.compress(b'{"a": 1}')
    async with serving(respond(body=packed, Content_Encoding="gzip", Content_Type="application/json")) as server:
        assert (await output(http, url=server.url))["body"] == {"a": 1}


async def test_a_gzip_bomb_is_refused_without_being_unpacked(http: Http) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    async with serving(respond(body=bomb, Content_Encoding="gzip")) as server:
        assert (await failure(http, url=server.url)).code == "response_too_large"


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", b"not gzip"), ("gzip", gzip.compress(b"x" * 1000)[:-9]), ("br", b"x")],
    ids=["no gzip", "cut off", "unknown"],
)
async def test_a_damaged_or_unknown_encoding_is_a_failure(http: Http, encoding: str, body: bytes) -> None:
    async with serving(respond(body=body, Content_Encoding=encoding)) as server:
        assert (await failure(http, url=server.url)).code == "bad_content_encoding"


async def test_a_body_that_drips_in_for_ever_times_out() -> None:
    async def drip(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.005)

    transport = PinnedTransport(AddressGuard(resolve_by_system, allowed_networks=LOOPBACK))
    http = Http(transport, longest=timedelta(milliseconds=60))
    async with serving(drip) as server:
        failed = await failure(http, url=server.url)
        await transport.aclose()
    assert (failed.code, failed.retryable) == ("http_timeout", True)


async def test_nobody_listening_is_unreachable(http: Http) -> None:
    async with serving(respond()) as server:
        url = server.url
    failed = await failure(http, url=url)
    assert (failed.code, failed.retryable) == ("http_unreachable", True)


async def test_a_connection_that_breaks_off_is_unreachable(http: Http) -> None:
    async def break_off(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")

    async with serving(break_off) as server:
        assert (await failure(http, url=server.url)).code == "http_unreachable"


# ------------------------------------------------------------------ addresses


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/computeMetadata/v1/",
        "http://[::1]:1/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706434/",
        "http://0x7f.0.0.2/",
        "http://0/",
        "http://127.0.0.2/",
    ],
)
async def test_an_inner_address_is_refused_however_it_is_written(http: Http, url: str) -> None:
    failed = await failure(http, url=url)
    assert (failed.code, failed.retryable) == ("address_not_allowed", False)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "http://", "//x", "http://[::1/", "gopher://x:70/"])
async def test_only_http_and_https_urls_are_taken(http: Http, url: str) -> None:
    assert (await failure(http, url=url)).code == "bad_url"


async def test_a_name_that_is_resolved_again_to_an_inner_address_is_not_reached() -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    transport = PinnedTransport(AddressGuard(rebinding, allowed_networks=LOOPBACK))
    http = Http(transport)
    async with serving(respond(body=b"ok")) as server:
        url = f"http://rebind.test:{server.port}/"
        got = await output(http, url=url)
        refused = await failure(http, url=url)
        await transport.aclose()
    assert (got["body"], refused.code) == ("ok", "address_not_allowed")
    assert asked == ["rebind.test"] * 2, "once for each connection: what was checked is what was connected to"
    assert server.received[0].headers["host"] == f"rebind.test:{server.port}"


async def test_a_name_with_one_inner_address_among_its_addresses_is_refused() -> None:
    async def mixed(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.1", "10.0.0.1"]

    transport = PinnedTransport(AddressGuard(mixed, allowed_networks=LOOPBACK))
    assert (await failure(Http(transport), url="http://mixed.test/")).code == "address_not_allowed"
    await transport.aclose()


async def test_the_next_address_is_tried_where_the_first_is_down() -> None:
    async def two(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]

    transport = PinnedTransport(AddressGuard(two, allowed_networks=(ip_network("127.0.0.0/8"),)))
    async with serving(respond(body=b"ok")) as server:
        got = await output(Http(transport), url=f"http://two.test:{server.port}/")
        await transport.aclose()
    assert got["body"] == "ok"


# ------------------------------------------------------------------ redirects


def redirect(to: str, status: int = 302) -> Answer:
    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        here = request.target == "/start"
        await (respond(status, Location=to) if here else respond(body=b"end"))(request, writer)

    return answer


async def test_a_redirect_to_the_metadata_address_is_refused(http: Http) -> None:
    async with serving(redirect("http://169.254.169.254/latest/meta-data")) as server:
        assert (await failure(http, url=f"{server.url}/start")).code == "address_not_allowed"


async def test_a_redirect_to_another_scheme_is_refused(http: Http) -> None:
    async with serving(redirect("file:///etc/passwd")) as server:
        assert (await failure(http, url=f"{server.url}/start")).code == "bad_url"


async def test_a_redirect_on_the_same_origin_keeps_credentials(http: Http) -> None:
    async with serving(redirect("/end", 307)) as server:
        got = await output(
            http, method="POST", url=f"{server.url}/start", headers={"authorization": "Bearer x"}, body="text"
        )
    assert got["body"] == "end"
    assert (server.received[1].headers["authorization"], server.received[1].body) == ("Bearer x", b"text")


async def test_a_redirect_to_another_origin_loses_whatever_may_be_a_credential(http: Http) -> None:
    given = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Inconspicuous": "k", "Accept": "text/html"}
    async with serving(respond(body=b"other")) as other, serving(redirect(f"{other.url}/end")) as server:
        await output(http, url=f"{server.url}/start".replace("//", "//me:pass@"), headers=given)
    names = set(other.received[0].headers)
    assert other.received[0].headers["accept"] == "text/html"
    assert not {"authorization", "cookie", "x-inconspicuous"} & names


async def test_a_body_is_not_handed_on_to_another_origin(http: Http) -> None:
    async with serving(respond()) as other, serving(redirect(other.url, 307)) as server:
        failed = await failure(http, method="POST", url=f"{server.url}/start", body="text")
    assert (failed.code, failed.retryable, other.received) == ("redirect_refused", False, [])


@pytest.mark.parametrize(
    ("status", "method", "then"), [(303, "PUT", "GET"), (302, "POST", "GET"), (302, "PUT", "PUT"), (301, "GET", "GET")]
)
async def test_a_redirect_changes_the_method_as_browsers_do(http: Http, status: int, method: str, then: str) -> None:
    async with serving(redirect("/end", status)) as server:
        await output(http, method=method, url=f"{server.url}/start", body="text")
    assert (server.received[1].method, server.received[1].body) == (then, b"text" if then == method else b"")


async def test_a_circle_of_redirects_ends(http: Http) -> None:
    async with serving(redirect("/start")) as server:
        assert (await failure(http, url=f"{server.url}/start")).code == "too_many_redirects"
    assert len(server.received) == 6


async def test_a_redirect_is_an_answer_where_it_is_not_to_be_followed(http: Http) -> None:
    async with serving(redirect("/end")) as server:
        assert (await failure(http, url=f"{server.url}/start", follow_redirects=False)).code == "http_302"
        assert (await output(http, url=f"{server.url}/start", expect_status=["3xx"]))["headers"]["location"] == "/end"
    assert len(server.received) == 2


async def test_cookies_are_not_kept_between_requests(http: Http) -> None:
    async with serving(respond(Set_Cookie="session=of-another-tenant")) as server:
        await output(http, url=server.url)
        await output(http, url=server.url)
    assert "cookie" not in server.received[1].headers


async def test_secrets_are_revealed_for_the_request(http: Http) -> None:
    async def reveal(value: Any) -> Any:
        return {**value, "headers": {"authorization": "Bearer hunter2"}}

    async with serving(respond()) as server:
        with_ = HttpWith(url=server.url, headers={"authorization": "Bearer ${ secrets.crm }"})
        await http.run(FakeStepContext(with_=with_, revealed=reveal))
    assert server.received[0].headers["authorization"] == "Bearer hunter2"


async def test_an_invalid_secret_does_not_show_in_the_failure(http: Http) -> None:
    async def reveal(value: Any) -> Any:
        return {**value, "headers": {"authorization": ["hunter2"]}}

    with pytest.raises(StepFailure) as raised:
        await http.run(FakeStepContext(with_=HttpWith(url="http://x/"), revealed=reveal))
    assert raised.value.failure.code == "bad_request"
    assert "hunter2" not in repr(raised.value.failure)
