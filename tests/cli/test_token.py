"""`weft token`: makes tokens, and checks the file that lists them."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from engine.usecases.caller import Role
from weft.cli.app import app
from weft.cli.exit_codes import ExitCode
from weft.tokens import digest_of, read_tokens

ACME = ("--tenant", "acme", "--name", "ci", "--role", "editor")


def token(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["token", *arguments])


def made(*arguments: str) -> dict[str, Any]:
    result = token("new", *arguments, "--json")
    assert result.exit_code == ExitCode.DONE, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def test_a_new_token_is_shown_once_beside_an_entry_that_does_not_hold_it(tmp_path: Path) -> None:
    result = token("new", *ACME)
    assert result.exit_code == ExitCode.DONE
    (shown,) = re.findall(r"weft_[A-Za-z0-9_-]{43}\b", result.stdout)
    _, _, entry = result.stdout.partition("WEFT_TOKENS_FILE:\n\n")
    assert shown not in entry
    ((digest, read),) = read_tokens(f"tokens:\n{entry}").items()
    assert digest == digest_of(shown)
    assert (read.caller.tenant, read.caller.principal, read.caller.role) == ("acme", "ci", Role.EDITOR)
    assert read.expires_at is None
    file = tmp_path / "tokens.yaml"
    file.write_text(f"tokens:\n{entry}")
    assert token("check", str(file)).stdout == f"{file}: 1 tokens, 1 tenants, 0 expired\n"


def test_every_token_is_another() -> None:
    assert made(*ACME)["token"] != made(*ACME)["token"]


@pytest.mark.parametrize("name", ["123", "null", "1e5", "true"])
def test_names_that_yaml_takes_for_something_else_stay_names(name: str) -> None:
    result = token("new", "--tenant", name, "--name", name, "--role", "viewer")
    _, _, entry = result.stdout.partition("WEFT_TOKENS_FILE:\n\n")
    (read,) = read_tokens(f"tokens:\n{entry}").values()
    assert (read.caller.tenant, read.caller.principal) == (name, name)


def test_a_lifetime_becomes_a_moment() -> None:
    before = datetime.now(UTC)
    entry = made(*ACME, "--expires-in", "90d")["entry"]
    until = datetime.fromisoformat(entry["expires_at"])
    assert timedelta(0) <= before + timedelta(days=90) - until <= timedelta(seconds=1) or until > before


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("new",),
        ("new", *ACME[:4]),
        ("new", *ACME[:4], "--role", "owner"),
        ("new", *ACME, "--tenant", "Acme"),
        ("new", *ACME, "--tenant", "../acme"),
        ("new", *ACME, "--name", ""),
        ("new", *ACME, "--expires-in", "soon"),
        ("new", *ACME, "--expires-in", "0s"),
        ("check",),
    ],
)
def test_a_wrong_command_line_makes_no_token(arguments: tuple[str, ...]) -> None:
    result = token(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert "weft_" not in result.output


def test_expired_tokens_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    entries = [made(*ACME)["entry"], made(*ACME)["entry"] | {"expires_at": "2020-01-01T00:00:00Z", "tenant": "b"}]
    file.write_text(json.dumps({"tokens": entries}))
    result = token("check", str(file), "--json")
    assert json.loads(result.stdout) == {"tokens": 2, "tenants": 2, "expired": 1}


def test_everything_that_is_wrong_with_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text("tokens:\n  - {name: a, tenant: acme, role: boss}\n  - nobody\nmore: 1\n")
    result = token("check", str(file))
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"weft: {file}:4: more: nothing of this name belongs here",
        f"{file}:2: tokens[0].role: 'boss' is no role: it may be admin, editor, viewer",
        f"{file}:2: tokens[0]: sha256 is missing",
        f"{file}:3: tokens[1]: a token is an object with name, tenant, role, sha256, expires_at",
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = token("check", str(tmp_path / "none.yaml"))
    assert result.exit_code == ExitCode.USAGE
    assert "none.yaml: the file cannot be read: No such file or directory" in result.stderr
