"""`serve` with settings that cannot work, `doctor` and `schema`: commands that build an engine themselves."""

import json
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from weft.cli.app import app
from weft.cli.exit_codes import ExitCode


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def weft(data_dir: Path, *arguments: str, **settings: str) -> Result:
    return CliRunner(env={"WEFT_DATA_DIR": str(data_dir), **settings}).invoke(app, arguments)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"WEFT_PROT": "1"}, "WEFT_PROT is not a setting"),
        ({"WEFT_PORT": "http"}, "WEFT_PORT is 'http'"),
        ({"WEFT_HOST": "0.0.0.0"}, "everybody who can connect is the owner"),
        ({"WEFT_MODULES": "no.such.module"}, "no.such.module"),
        ({"WEFT_SCRIPTS": "no-such-file.yaml"}, "no-such-file.yaml"),
    ],
)
def test_serve_says_in_one_line_which_setting_is_wrong(data_dir: Path, settings: dict[str, str], told: str) -> None:
    result = weft(data_dir, "serve", **{"WEFT_PORT": "0", **settings})
    assert result.exit_code == ExitCode.CONFIGURATION
    assert told in result.stderr
    assert "Traceback" not in result.output


def test_serve_says_that_its_port_is_in_use(data_dir: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        result = weft(data_dir, "serve", "--port", port)
    assert result.exit_code == ExitCode.IN_USE
    assert f"port {port} of 127.0.0.1 is in use" in result.stderr


def test_serve_says_that_the_data_directory_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = weft(tmp_path / "file" / "data", "serve", "--port", "0")
    assert result.exit_code == ExitCode.IN_USE
    assert "cannot be opened" in result.stderr


def test_roles_apart_are_refused_while_the_store_belongs_to_one_process(data_dir: Path) -> None:
    refused = weft(data_dir, "serve", "--role", "worker")
    assert refused.exit_code == ExitCode.CONFIGURATION
    assert "WEFT_STORE=firestore" in refused.stderr


def free_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return str(probe.getsockname()[1])


def test_a_sound_installation_has_nothing_to_mend_and_is_not_touched(data_dir: Path) -> None:
    result = weft(data_dir, "doctor", "--json", WEFT_PORT=free_port())
    findings = json.loads(result.stdout)
    assert {finding["verdict"] for finding in findings} <= {"good", "warning"}
    assert result.exit_code == ExitCode.DONE
    assert not data_dir.exists()


def test_modules_are_found_in_the_working_directory(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_parts_of_weft.py").write_text("from weft import function\n\n@function\ndef mine(): ...\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [path for path in sys.path if path])
    findings = json.loads(weft(data_dir, "doctor", "--json", WEFT_MODULES="my_parts_of_weft").stdout)
    (modules,) = [finding for finding in findings if finding["name"] == "modules"]
    assert modules["message"].startswith("my_parts_of_weft: 1 functions, ")


def test_doctor_names_what_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        result = weft(file, "doctor", WEFT_PORT=port, WEFT_MODULES="no.such.module", WEFT_URL="http://127.0.0.1:9")
    assert result.exit_code == ExitCode.FAILED
    for name in ("data directory: ", "modules: ", "address: "):
        assert f"no  {name}" in result.stdout
    assert result.stdout.count("mend: ") == 3


@pytest.mark.parametrize(
    ("documents", "told"),
    [({"q.graphql": "query X { nope }"}, "Cannot query field 'nope'"), ({"q.txt": ""}, "there is no document")],
)
def test_doctor_refuses_the_documents_that_a_server_would_end_with(
    data_dir: Path, tmp_path: Path, documents: dict[str, str], told: str
) -> None:
    trusted = tmp_path / "documents"
    trusted.mkdir()
    for name, text in documents.items():
        (trusted / name).write_text(text)
    settings = {"WEFT_DOCUMENTS": str(trusted), "WEFT_PORT": free_port()}
    assert weft(data_dir, "serve", **settings).exit_code == ExitCode.CONFIGURATION
    result = weft(data_dir, "doctor", "--json", **settings)
    assert result.exit_code == ExitCode.FAILED
    (bad,) = [finding for finding in json.loads(result.stdout) if finding["verdict"] == "bad"]
    assert bad["name"] == "documents"
    assert told in bad["message"]


def test_doctor_counts_documents_that_are_in_order(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({"a": "{ __typename }", "b": "query B { health { status } }"}))
    findings = json.loads(weft(data_dir, "doctor", "--json", WEFT_DOCUMENTS=str(file)).stdout)
    (found,) = [finding for finding in findings if finding["name"] == "documents"]
    assert (found["verdict"], found["message"]) == ("good", f"{file}: 2")


def test_doctor_tells_every_unknown_setting(data_dir: Path) -> None:
    result = weft(data_dir, "doctor", WEFT_PROT="1", WEFT_STOER="x")
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout.count("is not a setting") == 2


def test_the_schema_of_the_api_is_the_one_in_the_repository(data_dir: Path) -> None:
    committed = Path(__file__).parents[2] / "schema.graphql"
    assert weft(data_dir, "schema").stdout == committed.read_text(encoding="utf-8")


def test_the_schema_of_workflow_files_knows_the_step_kinds(data_dir: Path) -> None:
    schema = json.loads(weft(data_dir, "schema", "definition").stdout)
    assert "transform" in schema["$defs"]["StepDefinition"]["properties"]["kind"]["enum"]
    assert not data_dir.exists()
