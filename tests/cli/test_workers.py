"""Which settings let several processes serve."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.server_process import environment
from weft.cli.app import app
from weft.cli.exit_codes import ExitCode

ROOT = Path(__file__).parents[2]
SHARED = {"WEFT_STORE": "firestore", "WEFT_BUS": "pubsub"}


def serve(*arguments: str, **settings: str) -> tuple[int, str]:
    result = CliRunner(env=settings).invoke(app, ["serve", "--port", "0", *arguments])
    return result.exit_code, re.sub(r"[\s│]+", " ", result.output)


@pytest.mark.parametrize("settings", [{}, {**SHARED, "WEFT_STORE": "sqlite"}, {**SHARED, "WEFT_BUS": "local"}])
def test_an_embedded_store_or_bus_belongs_to_one_process(settings: dict[str, str]) -> None:
    reason = "2 workers need a store and a bus that processes share, and the embedded ones belong to one process"
    remedy = "say WEFT_STORE=firestore and WEFT_BUS=pubsub, or --workers 1"
    assert serve("--workers", "2", **settings) == (ExitCode.CONFIGURATION, f"weft: {reason}: {remedy} ")
    assert serve(WEFT_WORKERS="2", **settings) == (ExitCode.CONFIGURATION, f"weft: {reason}: {remedy} ")


@pytest.mark.parametrize("workers", ["0", "-1", "257", "many"])
def test_so_many_workers_there_cannot_be(workers: str) -> None:
    code, text = serve("--workers", workers, **SHARED)
    assert code == ExitCode.USAGE
    assert "Invalid value for '--workers'" in text
    expected = f"weft: WEFT_WORKERS is '{workers}'; it must be a whole number from 1 to 256 "
    assert serve(WEFT_WORKERS=workers, **SHARED) == (ExitCode.CONFIGURATION, expected)


def test_the_command_line_comes_before_the_environment() -> None:
    code, text = serve("--workers", "3", WEFT_WORKERS="2")
    assert code == ExitCode.CONFIGURATION
    assert text.startswith("weft: 3 workers need")


def test_what_a_supervisor_hands_over_cannot_be_made_up() -> None:
    code, text = serve("--supervised", "9998", "9999")
    assert (code, text) == (ExitCode.USAGE, "weft: 9998 and 9999 are not sockets that a supervisor handed over ")


def test_an_engine_in_the_working_directory_is_not_taken_for_ours(tmp_path: Path) -> None:
    """By the processes of the installed command `weft`, which has its own directory in the path."""
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise ValueError('another engine')")
    installed = "import sys; sys.argv[0] = 'weft'; from weft.cli.app import main; main()"
    shown = subprocess.run(
        [sys.executable, "-P", "-c", installed, "serve", "--workers", "2", "--port", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(PYTHONPATH=str(ROOT), **SHARED, WEFT_AUTH="token", WEFT_TOKENS_FILE="none.yaml"),
    )
    assert shown.returncode == ExitCode.CONFIGURATION, shown.stderr
    assert "none.yaml" in shown.stderr


def test_a_supervisor_does_without_the_imports_of_the_engine() -> None:
    heavy = ("engine.bootstrap", "engine.runtime", "graphql", "graphql_api", "starlette", "uvicorn", "uvloop")
    program = f"import sys, weft.cli.app, weft.cli.commands.serve; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
