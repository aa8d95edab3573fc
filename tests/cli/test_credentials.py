"""Whom the command line shows its token to."""

import pytest
from typer.testing import CliRunner

from weft.cli.address import parse_address
from weft.cli.app import app
from weft.cli.credentials import TokenRefused, authorization
from weft.cli.exit_codes import ExitCode


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost:1", "https://weft.example"]
)
def test_the_token_goes_to_this_machine_and_over_tls(url: str) -> None:
    assert authorization({"WEFT_TOKEN": "weft_x-1"}, parse_address(url)) == "Bearer weft_x-1"


def test_without_a_token_nothing_is_shown_to_anybody() -> None:
    assert authorization({}, parse_address("http://10.0.0.1")) is None
    assert authorization({"WEFT_TOKEN": " "}, parse_address("http://10.0.0.1")) is None


def test_the_line_break_at_the_end_of_a_file_is_no_part_of_it() -> None:
    assert authorization({"WEFT_TOKEN": "abc\n"}, parse_address("https://weft.example")) == "Bearer abc"


@pytest.mark.parametrize("url", ["http://10.0.0.1", "http://weft:8000", "http://127.0.0.1.evil.example"])
def test_others_would_get_it_in_the_clear_and_get_it_only_where_that_is_said(url: str) -> None:
    with pytest.raises(TokenRefused, match="in the clear"):
        authorization({"WEFT_TOKEN": "abc"}, parse_address(url))
    for said in ("", "no", "1"):
        with pytest.raises(TokenRefused):
            authorization({"WEFT_TOKEN": "abc", "WEFT_TOKEN_OVER_HTTP": said}, parse_address(url))
    allowed = {"WEFT_TOKEN": "abc", "WEFT_TOKEN_OVER_HTTP": "yes"}
    assert authorization(allowed, parse_address(url)) == "Bearer abc"


@pytest.mark.parametrize("token", ["a b", "a\nb", "ä", 'a"b', "a\r\nx-evil: 1"])
def test_what_can_be_no_token_is_not_sent_and_not_shown(token: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        authorization({"WEFT_TOKEN": token}, parse_address("https://weft.example"))
    assert token not in str(refused.value)


def test_a_user_name_in_the_address_would_be_sent_instead() -> None:
    with pytest.raises(TokenRefused, match="user name"):
        authorization({"WEFT_TOKEN": "abc"}, parse_address("https://me:pw@weft.example"))


def test_a_command_ends_before_it_asks_a_server() -> None:
    result = CliRunner(env={"WEFT_TOKEN": "s3cret"}).invoke(app, ["list", "--url", "http://10.0.0.1"])
    assert result.exit_code == ExitCode.USAGE
    assert "s3cret" not in result.output
