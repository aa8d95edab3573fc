"""The demonstration of the examples."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.server_process import environment
from tests.patience import PATIENCE_SECONDS
from weft.cli.exit_codes import ExitCode
from weft.demo.examples import NoExamples, find_examples

ROOT = Path(__file__).parents[2]


def test_every_example_has_what_the_demonstration_needs() -> None:
    for example in find_examples(ROOT):
        assert example.workflows[-1].name == "workflow.yaml"
        assert example.functions == f"examples.{example.name}.functions"
        assert isinstance(example.read_input(), dict)
        assert isinstance(example.read_answers(), dict)


def test_examples_come_in_the_order_that_is_asked_for() -> None:
    assert [example.name for example in find_examples(ROOT, ["triage", "digest"])] == ["triage", "digest"]


def test_an_unknown_example_and_an_installation_without_examples_are_explained(tmp_path: Path) -> None:
    with pytest.raises(NoExamples, match="no example nonsense; there are digest"):
        find_examples(ROOT, ["digest", "nonsense"])
    with pytest.raises(NoExamples, match="with the repository"):
        find_examples(tmp_path)


def test_an_example_runs_on_a_server_of_its_own_and_gets_its_answers() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "weft", "demo", "orders"],
        cwd=ROOT,
        env=environment(WEFT_PORT="1", WEFT_DATA_DIR="/dev/null/not-ours"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert shown.returncode == ExitCode.DONE, shown.stderr
    assert "when packed waits, the demo answers" in shown.stdout
    assert "packed  resumed" in shown.stdout
    assert "execution  succeeded" in shown.stdout
