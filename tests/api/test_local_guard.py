"""A server whose every visitor is the owner answers no foreign web page."""

import httpx
import pytest
from starlette.types import ASGIApp

from tests.api.probe import ProbeRuntime, probe_app


async def status(app: ASGIApp, headers: dict[str, str], base_url: str = "http://127.0.0.1:8000") -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url) as client:
        return (await client.post("/graphql", json={"query": "{ number }"}, headers=headers)).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:8000"},
        {"origin": "http://localhost:3000"},
        {"origin": "http://[::1]:8000"},
        {"host": "localhost:8000"},
        {"host": "[::1]:8000"},
        {"host": "weft.localhost"},
        {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
async def test_requests_from_this_machine_are_answered(headers: dict[str, str]) -> None:
    assert await status(probe_app(ProbeRuntime()), headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "https://127.0.0.1.evil.example"},
        {"origin": "https://localhost.evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"host": "evil.example"},
        {"host": "evil.example:8000"},
        {"host": "10.0.0.1"},
        {"host": ""},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    ],
)
async def test_requests_that_a_foreign_page_could_make_are_refused(headers: dict[str, str]) -> None:
    assert await status(probe_app(ProbeRuntime()), headers) == 403


async def test_where_callers_must_show_a_token_any_name_and_origin_will_do() -> None:
    app = probe_app(ProbeRuntime(local=False))
    assert await status(app, {"origin": "https://app.example"}, "https://weft.example") == 200
