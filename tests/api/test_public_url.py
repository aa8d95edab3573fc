"""Where others reach the server, as the addresses of webhooks tell them."""

from pathlib import Path

import pytest

from engine.bootstrap import open_engine
from engine.settings import BadSettings, Settings, read_settings


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"WEFT_HOST": "::1", "WEFT_PORT": "9"}, "http://[::1]:9"),
        ({"WEFT_PUBLIC_URL": "https://weft.example.com"}, "https://weft.example.com"),
        ({"WEFT_PUBLIC_URL": "https://example.com:8443/weft/"}, "https://example.com:8443/weft"),
    ],
)
def test_it_is_what_is_said_or_where_the_server_listens(variables: dict[str, str], expected: str) -> None:
    assert read_settings(variables).reached_at == expected


@pytest.mark.parametrize("url", ["weft.example.com", "ftp://example.com", "https://", "https://a b", "https://a/?x=1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadSettings, match="WEFT_PUBLIC_URL"):
        read_settings({"WEFT_PUBLIC_URL": url})


async def test_use_cases_are_told_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, public_url="https://weft.example.com")
    async with open_engine(settings) as engine:
        assert engine.services.public_url == "https://weft.example.com"
