"""The commands against a server that asks who is calling."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.server_process import ServerProcess, environment
from tests.patience import PATIENCE_SECONDS
from weft.cli.app import app
from weft.cli.exit_codes import ExitCode

WORKFLOW = "name: asks\nsteps: [{id: ask, kind: approval, with: {prompt: 'Go on?', schema: {type: object}}}]\n"


class Office:
    """A server, and the tokens of its callers by name."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "tokens.yaml"
        self._entries: dict[str, object] = {}
        self.tokens: dict[str, str] = {}
        for name, tenant, role in (("ann", "acme", "editor"), ("vic", "acme", "viewer"), ("bob", "globex", "admin")):
            made = CliRunner().invoke(
                app, ["token", "new", "--tenant", tenant, "--name", name, "--role", role, "--json"]
            )
            found = json.loads(made.stdout)
            self.tokens[name], self._entries[name] = found["token"], found["entry"]
        self._write()
        self.server = ServerProcess(directory / "data", WEFT_AUTH="token", WEFT_TOKENS_FILE=str(self.file))

    def withdraw(self, name: str) -> None:
        del self._entries[name]
        self._write()

    def _write(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps({"tokens": list(self._entries.values())}))
        new.replace(self.file)

    def run(self, token: str | None, *arguments: str, input: str | None = None) -> Result:  # noqa: A002 - as CliRunner calls it
        result = CliRunner(env={"WEFT_URL": self.server.url, "WEFT_TOKEN": token}).invoke(app, arguments, input=input)
        assert token is None or token not in result.output
        return result


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("office"))
    yield office
    assert office.server.stop() == ExitCode.DONE


@pytest.fixture(scope="module")
def execution(office: Office) -> str:
    """Ann's, which waits for an answer."""
    assert office.run(office.tokens["ann"], "apply", "-", input=WORKFLOW).exit_code == ExitCode.DONE
    return str(json.loads(office.run(office.tokens["ann"], "start", "asks", "--json").stdout)["id"])


def test_a_token_opens_what_its_role_allows(office: Office, execution: str) -> None:
    assert execution in office.run(office.tokens["ann"], "list").stdout
    assert execution in office.run(office.tokens["vic"], "list").stdout
    refused = office.run(office.tokens["vic"], "cancel", execution)
    assert refused.exit_code == ExitCode.REFUSED
    assert "vic may look, but not change anything [PERMISSION_DENIED]" in refused.stderr
    assert execution not in office.run(office.tokens["bob"], "list").stdout
    assert office.run(office.tokens["bob"], "get", execution).exit_code == ExitCode.REFUSED


@pytest.mark.parametrize("arguments", [("list",), ("watch", "ex_1"), ("start", "asks"), ("apply", "-")])
def test_without_one_or_with_a_wrong_one_a_command_says_so_by_its_exit_code(
    office: Office, arguments: tuple[str, ...]
) -> None:
    without = office.run(None, *arguments, input=WORKFLOW)
    assert without.exit_code == ExitCode.DENIED
    assert without.stderr == f"weft: {office.server.url} asks for a token: set WEFT_TOKEN\n"
    wrong = office.run("weft_wrong", *arguments, input=WORKFLOW)
    assert wrong.exit_code == ExitCode.DENIED
    assert "does not accept the token in WEFT_TOKEN" in wrong.stderr


def test_a_watcher_whose_token_is_withdrawn_is_sent_away_within_seconds(office: Office, execution: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "weft", "watch", execution, "--json"],
        env=environment(WEFT_URL=office.server.url, WEFT_TOKEN=office.tokens["vic"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["seq"] == 1
        office.withdraw("vic")
        assert process.wait(PATIENCE_SECONDS) == ExitCode.DENIED
        assert "does not accept the token" in process.stderr.read()
    assert office.run(office.tokens["ann"], "list").exit_code == ExitCode.DONE


def test_doctor_looks_at_the_tokens_and_at_the_server_that_asks_for_one(office: Office) -> None:
    def verdicts(**settings: str) -> dict[str, str]:
        environment = {"WEFT_URL": office.server.url, **settings}
        found = json.loads(CliRunner(env=environment).invoke(app, ["doctor", "--json"]).stdout)
        return {finding["name"]: finding["verdict"] for finding in found}

    assert verdicts()["server"] == "warning"
    served = verdicts(WEFT_TOKEN=office.tokens["ann"], WEFT_AUTH="token", WEFT_TOKENS_FILE=str(office.file))
    assert (served["server"], served["tokens"]) == ("good", "good")
    assert verdicts(WEFT_AUTH="token", WEFT_TOKENS_FILE="none.yaml")["tokens"] == "bad"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"WEFT_AUTH": "token"}, ["WEFT_AUTH=token needs WEFT_TOKENS_FILE"]),
        ({"WEFT_AUTH": "open", "WEFT_PORT": "x"}, ["WEFT_AUTH is 'open'", "WEFT_PORT is 'x'"]),
        ({"WEFT_TOKENS_FILE": "tokens.yaml"}, ["WEFT_TOKENS_FILE protects nothing without WEFT_AUTH=token"]),
        ({"WEFT_AUTH": "token", "WEFT_TOKENS_FILE": "none.yaml"}, ["none.yaml: the file cannot be read"]),
        ({"WEFT_AUTH": "token", "WEFT_TOKENS_FILE": "bad.yaml"}, ["bad.yaml:1: tokens[0].role", "tokens[0]: sha256"]),
        ({"WEFT_AUTH": "token", "WEFT_TOKENS_FILE": "none.yaml", "WEFT_HOST": "0.0.0.0"}, ["none.yaml"]),
    ],
)
def test_a_server_that_could_not_ask_properly_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], told: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("tokens: [{name: a, tenant: a, role: boss}]")
    result = CliRunner(env={"WEFT_DATA_DIR": "data", **settings}).invoke(app, ["serve"])
    assert result.exit_code == ExitCode.CONFIGURATION, result.output
    for each in told:
        assert each in result.stderr
    assert not (tmp_path / "data").exists(), "nothing was begun"
