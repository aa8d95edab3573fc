"""Which addresses a server takes."""

from contextlib import closing
from pathlib import Path

import pytest

from engine.settings import Settings
from weft.listening import AddressInUse, AddressRefused, listen, url_of


def test_port_0_takes_a_free_one() -> None:
    with closing(listen(Settings(port=0))) as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")
        assert not url_of(listener).endswith(":0")


def test_a_port_in_use_is_told_and_not_shared() -> None:
    with closing(listen(Settings(port=0))) as listener:
        taken = listener.getsockname()[1]
        with pytest.raises(AddressInUse, match=f"port {taken} of 127.0.0.1 is in use"):
            listen(Settings(port=taken))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "127.0.0.1.example.invalid", ""])
def test_where_everybody_is_the_owner_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(AddressRefused):
        listen(Settings(host=host, port=0))


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_where_callers_show_tokens_any_address_may_be_listened_on(host: str, tmp_path: Path) -> None:
    with closing(listen(Settings(host=host, port=0, auth="token", tokens_file=tmp_path / "tokens.yaml"))):
        pass


def test_localhost_is_loopback() -> None:
    with closing(listen(Settings(host="localhost", port=0))) as listener:
        assert "127.0.0.1" in url_of(listener) or "[::1]" in url_of(listener)
