"""Where a client looks for the server."""

import pytest

from weft.cli.address import BadAddress, parse_address, server_address


def test_without_any_setting_it_is_where_serve_listens_by_default() -> None:
    address = server_address({})
    assert address.graphql == "http://127.0.0.1:8000/graphql"
    assert address.socket == "ws://127.0.0.1:8000/graphql"


def test_the_option_comes_before_the_variable_and_the_variable_before_the_servers_settings() -> None:
    environment = {"WEFT_URL": "https://weft.example", "WEFT_PORT": "9000"}
    assert server_address(environment, "http://localhost:1").url == "http://localhost:1"
    assert server_address(environment).socket == "wss://weft.example/graphql"
    assert server_address({"WEFT_PORT": "9000", "WEFT_URL": ""}).url == "http://127.0.0.1:9000"


def test_where_a_server_listens_on_all_addresses_clients_take_loopback() -> None:
    assert server_address({"WEFT_HOST": "0.0.0.0"}).url == "http://127.0.0.1:8000"
    assert server_address({"WEFT_HOST": "::"}).url == "http://[::1]:8000"


@pytest.mark.parametrize("text", ["http://127.0.0.1:8000/graphql", "http://127.0.0.1:8000/", "127.0.0.1:8000"])
def test_the_endpoint_and_the_bare_host_mean_the_same_server(text: str) -> None:
    assert parse_address(text).url == "http://127.0.0.1:8000"


def test_a_path_in_front_of_the_api_is_kept() -> None:
    assert parse_address("https://example.org/weft/").graphql == "https://example.org/weft/graphql"


@pytest.mark.parametrize("text", ["ftp://x", "http://", "http://x:99999", "http://x:y", "http://x:0", "http://[::1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        parse_address(text)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("http://127.0.0.1:1", True), ("http://[::1]:1", True), ("http://localhost", True), ("http://10.0.0.1", False)],
)
def test_loopback_is_known_so_that_no_proxy_is_asked_for_it(url: str, *, loopback: bool) -> None:
    assert parse_address(url).loopback is loopback
