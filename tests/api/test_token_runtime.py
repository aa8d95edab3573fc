"""How a server keeps to its file of tokens while it runs."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from graphql_api.context import Credentials, Unauthenticated
from tests.api.holders import Holders
from weft.token_file import TokenFile
from weft.token_runtime import token_runtime


@pytest.fixture
def holders(tmp_path: Path) -> Holders:
    return Holders(tmp_path)


async def known(holders: Holders, token: str) -> str | None:
    """The role of whoever shows the token."""
    try:
        identity = await holders.runtime.identify(Credentials(authorization=f"Bearer {token}"))
    except Unauthenticated:
        return None
    return identity.caller.role


async def test_a_caller_is_who_the_file_says(holders: Holders) -> None:
    token = holders.add("ci@acme.example", tenant="acme-7", role="viewer")
    holders.look()
    caller = (await holders.runtime.identify(Credentials(authorization=f"Bearer {token}"))).caller
    assert (caller.tenant, caller.principal, caller.role) == ("acme-7", "ci@acme.example", "viewer")


async def test_tokens_come_and_go_with_the_file(holders: Holders) -> None:
    token = holders.add("late")
    assert await known(holders, token) is None
    holders.look()
    assert await known(holders, token) == "editor"
    holders.remove(token)
    holders.look()
    assert await known(holders, token) is None


@pytest.mark.parametrize("content", [b"", b"tokens: [", b"tokens: [{}]", b"\xff", b"other: 1"])
async def test_a_broken_file_is_told_once_and_changes_nothing_until_it_is_mended(
    holders: Holders, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    holders.write(content)
    with caplog.at_level(logging.ERROR):
        holders.look()
        holders.look()
    (record,) = caplog.records
    assert "tokens.yaml" in record.getMessage()
    assert await known(holders, holders.admin) == "admin"
    token = holders.add("mended")
    holders.look()
    assert await known(holders, token) == "editor"


async def test_a_file_that_is_gone_is_told_once_and_read_when_it_is_back(
    holders: Holders, caplog: pytest.LogCaptureFixture
) -> None:
    holders.vanish()
    holders.look()
    holders.look()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert await known(holders, holders.admin) == "admin"
    token = holders.add("back")
    holders.look()
    assert await known(holders, token) == "editor"


async def test_a_list_that_is_empty_by_now_withdraws_every_token(holders: Holders) -> None:
    holders.write(b"tokens: []")
    holders.look()
    assert await known(holders, holders.admin) is None


async def test_what_has_not_changed_is_not_read_again(holders: Holders, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        holders.look()
    assert caplog.records == []


async def test_no_token_gets_into_the_log(holders: Holders, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        token = holders.add("short", lasts=timedelta(hours=1))
        holders.look()
        identity = await holders.runtime.identify(Credentials(authorization=f"Bearer {token}"))
        with identity.while_valid(lambda: None):
            holders.clock.ahead = timedelta(hours=2)
            holders.look()
        holders.write(f'tokens: [{{name: a, tenant: a, role: viewer, sha256: "{token}"}}]'.encode())
        holders.look()
    assert "the token short of acme is no longer valid: 1 streams end" in caplog.text
    assert token not in caplog.text


async def test_a_stream_that_begins_after_its_token_ended_is_told_at_once(holders: Holders) -> None:
    token = holders.add("short", lasts=timedelta(hours=1))
    holders.look()
    identity = await holders.runtime.identify(Credentials(authorization=f"Bearer {token}"))
    holders.clock.ahead = timedelta(hours=1)
    ends: list[str] = []
    with identity.while_valid(lambda: ends.append("end")):
        assert ends == ["end"]
        holders.look()
    assert ends == ["end"], "once"


async def test_a_stream_that_has_ended_is_told_nothing(holders: Holders) -> None:
    token = holders.add("short", lasts=timedelta(hours=1))
    holders.look()
    identity = await holders.runtime.identify(Credentials(authorization=f"Bearer {token}"))
    ends: list[str] = []
    with identity.while_valid(lambda: ends.append("first")):
        with identity.while_valid(lambda: ends.append("second")):
            pass
        holders.clock.ahead = timedelta(hours=1)
        holders.look()
    holders.look()
    assert ends == ["first"]
    assert holders.runtime._watched == {}


async def test_the_timer_looks_by_itself(tmp_path: Path) -> None:
    holders = Holders(tmp_path)
    token = holders.add("leaked")
    file = TokenFile(tmp_path / "tokens.yaml")
    ended = asyncio.Event()
    async with token_runtime(holders.runtime.services, file, look_every_seconds=0.001) as runtime:
        identity = await runtime.identify(Credentials(authorization=f"Bearer {token}"))
        with identity.while_valid(ended.set):
            holders.remove(token)
            await asyncio.wait_for(ended.wait(), 5)


async def test_a_secret_that_kubernetes_replaces_is_read_again(tmp_path: Path) -> None:
    """It is mounted as a link to a file in a directory that another link, `..data`, leads to; that one is replaced."""
    first, second = tmp_path / "..1", tmp_path / "..2"
    for directory in (first, second):
        directory.mkdir()
    old, new = Holders(first), Holders(second)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "tokens.yaml").symlink_to("..data/tokens.yaml")
    file = TokenFile(tmp_path / "tokens.yaml")
    assert file.tokens == TokenFile(first / "tokens.yaml").tokens
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert file.refresh()
    assert file.tokens == TokenFile(second / "tokens.yaml").tokens
    assert old.admin != new.admin
