"""The command as a whole: its help, its usage errors, and what it imports."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weft.cli.app import app
from weft.cli.exit_codes import MEANINGS, ExitCode
from weft.cli.lazy_group import COMMANDS

WITHOUT_SERVER = ("serve", "demo", "doctor", "provision", "schema", "token", "version")
HEAVY = ("engine.bootstrap", "engine.domain", "graphql_api", "langgraph", "langchain_core", "strawberry", "pydantic")


def weft(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_help_names_every_command_and_every_exit_code() -> None:
    code, text = weft("--help")
    assert code == ExitCode.DONE
    assert all(f" {name} " in text for name in COMMANDS)
    assert all(f" {code.value}  " in text for code in ExitCode)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    code, text = weft(name, "--help")
    assert code == ExitCode.DONE
    assert COMMANDS[name].split()[0] in text


def test_a_misspelt_command_is_a_usage_error_that_names_the_likely_one() -> None:
    code, text = weft("lst")
    assert code == ExitCode.USAGE
    assert "'list'" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("start", "flow", "--input", "{"),
        ("start", "flow", "--label", "team"),
        ("apply", "missing.yaml"),
        ("list", "--status", "gone"),
        ("get", "ex_1", "--url", "ftp://x"),
        ("approve", "ex_1", "ask", "--output", "1", "--reject", "no"),
        ("approve", "ex_1", "ask"),
        ("trigger", "apply", "missing.yaml"),
        ("trigger", "fire", "orders", "--data", "{"),
        ("trigger", "deliveries", "orders", "--outcome", "lost"),
        ("trigger", "preview", "nightly", "-n", "0"),
        ("trigger", "backfill", "nightly", "--from", "2026-01-01T00:00:00Z"),
        ("event", "publish", "shop.paid", "--data", "{"),
    ],
)
def test_a_wrong_command_line_is_refused_before_any_server_is_asked(arguments: tuple[str, ...]) -> None:
    code, text = weft(*arguments)
    assert code == ExitCode.USAGE, text


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in WITHOUT_SERVER])
def test_every_client_command_says_that_there_is_no_server(name: str) -> None:
    arguments = {"start": ["flow"], "apply": ["-"], "approve": ["ex_1", "s", "--output", "1"], "signal": ["ex_1", "s"]}
    arguments |= {"trigger": ["list"], "event": ["publish", "shop.paid"]}
    takes_id = name in ("get", "watch", "pause", "resume", "cancel", "retry")
    given = arguments.get(name, ["ex_1"] if takes_id else [])
    code, text = weft(name, *given, "--url", "http://127.0.0.1:9")
    assert code == ExitCode.UNAVAILABLE
    advice = "start one with `weft serve`, or name another with --url or WEFT_URL"
    assert text == f"weft: no weft server at http://127.0.0.1:9; {advice}\n"


def test_client_commands_do_not_wait_for_the_imports_of_the_engine() -> None:
    modules = [f"weft.cli.commands.{name}" for name in ("watch", "get", "apply", "start", "trigger.list", "event")]
    program = f"import sys, weft.cli.app, {', '.join(modules)}; print([m for m in {HEAVY} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_module_of_every_command_is_named_for_it() -> None:
    assert all(callable(import_module(f"weft.cli.commands.{name}").command) for name in COMMANDS)


def test_the_documentation_has_the_exit_codes_and_commands_as_they_are() -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(f"| {code.value} | {meaning} |\n" in text for code, meaning in MEANINGS.items())
    assert all(f"`{name}" in text for name in COMMANDS if name != "version")
