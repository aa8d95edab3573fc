"""The suites in `conformance/`: complete, pinned, and run with a verdict that counts."""

import json
import re
import sys
from pathlib import Path

import pytest

from conformance.__main__ import main
from conformance.installing import CannotInstall, check_tools
from conformance.running import Result, run, table
from conformance.suites import HERE, SUITES, Suite

EXACT = re.compile(r"\d+\.\d+\.\d+")
NODE = [suite for suite in SUITES.values() if suite.uses_node]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """An installed one, whose program is to be written."""
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    return Suite(directory=tmp_path, installed=tmp_path)


def test_every_directory_with_a_program_is_a_suite() -> None:
    assert {program.parent.name for program in HERE.glob("*/run.*")} == set(SUITES)
    assert all((suite.directory / suite.command[-1]).exists() and suite.manifest.exists() for suite in SUITES.values())


@pytest.mark.parametrize("suite", NODE, ids=lambda suite: suite.name)
def test_what_a_suite_installs_has_exact_versions(suite: Suite) -> None:
    package = json.loads(suite.manifest.read_text("utf-8"))
    assert all(EXACT.fullmatch(version) for version in package["dependencies"].values()), package


@pytest.mark.parametrize("suite", NODE, ids=lambda suite: suite.name)
def test_a_suite_installs_whatever_it_imports(suite: Suite) -> None:
    programs = [suite.directory / "run.mjs", *(HERE / "shared").glob("*.mjs")]
    imported = re.findall(r"from '((?:@[^/']+/)?[a-z][^/']*)", "".join(path.read_text("utf-8") for path in programs))
    installed = json.loads(suite.manifest.read_text("utf-8"))["dependencies"]
    assert [name for name in imported if not name.startswith("node:") and name not in installed] == []


async def test_a_suite_passes_by_its_exit_code_and_is_summed_up_by_its_last_line(suite: Suite) -> None:
    (suite.directory / "run.py").write_text("print('much to tell')\nprint('3 of 3 checks')\n")
    result = await run(suite, "http://127.0.0.1:1", seconds=30)
    assert (result.passed, result.summary) == (True, "3 of 3 checks")


async def test_a_suite_that_fails_tells_all_that_it_said(suite: Suite) -> None:
    (suite.directory / "run.py").write_text("import sys\nprint(sys.argv[1], sys.argv[3])\nsys.exit('not so')\n")
    result = await run(suite, "http://127.0.0.1:1", "--full", seconds=30)
    assert (result.passed, result.said) == (False, "http://127.0.0.1:1 --full\nnot so\n")


async def test_a_suite_that_does_not_end_is_stopped_and_has_failed(suite: Suite) -> None:
    (suite.directory / "run.py").write_text("import threading\nthreading.Event().wait()\n")
    result = await run(suite, "http://127.0.0.1:1", seconds=0.01)
    assert (result.passed, result.summary) == (False, "did not end within 0.01 s")


def test_the_table_shows_who_failed() -> None:
    results = [
        Result(suite="urql", passed=True, said="8 of 8"),
        Result(suite="apollo", passed=False, said="", seconds=2),
    ]
    assert table(results).splitlines() == ["urql    passed    0.0 s  8 of 8", "apollo  FAILED    2.0 s  said nothing"]


def test_without_node_the_suites_say_what_they_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["conformance", "urql"])
    assert main() == 1
    assert "there is no node and no npm: the suites need Node.js 20 or newer" in capsys.readouterr().err
    check_tools([SUITES["schemathesis"]])
    with pytest.raises(CannotInstall):
        check_tools([SUITES["schemathesis"], SUITES["relay"]])
