"""The commands against one server in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.patience import PATIENCE_SECONDS
from weft.cli.exit_codes import ExitCode

REVIEW = """\
name: review
labels: {area: docs}
input: {type: object, required: [text], properties: {text: {type: string}}}
output: "${ steps.publish.output }"
steps:
  - id: words
    kind: transform
    with: {value: "${ size(input.text.split(' ')) }"}
  - id: ask
    kind: approval
    with: {prompt: "Publish?", schema: {type: object, required: [approved], properties: {approved: {type: boolean}}}}
  - id: publish
    kind: transform
    when: "${ steps.ask.output.approved }"
    with: {value: {words: "${ steps.words.output }"}}
"""
WRONG = """\
name: wrong
steps:
  - id: a
    kind: transform
    with: {value: 1}
  - id: b
    kind: nonsense
"""


@pytest.fixture
def review(weft: Shell, tmp_path: Path) -> str:
    file = tmp_path / "review.yaml"
    file.write_text(REVIEW)
    assert weft("apply", str(file)).exit_code == ExitCode.DONE
    return "review"


def test_apply_creates_then_finds_nothing_to_do_then_makes_a_new_version(weft: Shell, tmp_path: Path) -> None:
    file = tmp_path / "flow.yaml"
    file.write_text("name: applied\nsteps: [{id: a, kind: transform, with: {value: 1}}]\n")
    assert weft("apply", str(file)).stdout == "applied: created, version 1\n"
    assert weft("apply", str(file)).stdout == "applied: unchanged, version 1\n"
    file.write_text("name: applied\nsteps: [{id: a, kind: transform, with: {value: 2}}]\n")
    assert weft("apply", str(file), "--no-activate").stdout == "applied: new version 2 (not active)\n"
    (applied,) = weft.json("apply", str(file))
    assert applied["action"] == "activated"


def test_apply_shows_every_problem_where_it_is_and_applies_the_other_files(weft: Shell, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.yaml"
    good.write_text('{"name": "good", "steps": [{"id": "a", "kind": "transform", "with": {"value": 1}}]}')
    bad.write_text(WRONG)
    result = weft("apply", str(bad), str(good))
    assert result.exit_code == ExitCode.REFUSED
    assert f"{bad}:7: steps[1].kind: " in result.stderr
    assert result.stdout == "good: created, version 1\n"


def test_an_approval_is_found_answered_and_brings_the_execution_to_its_end(weft: Shell, review: str) -> None:
    execution = weft.start(review, {"text": "to be or not"}, "--label", "run=approval", "--priority", "3")
    weft.until_waiting(execution, "ask")
    assert execution in weft("waiting").stdout
    refused = weft("approve", execution, "ask", "--output", '{"approved": "maybe"}')
    assert refused.exit_code == ExitCode.REFUSED
    assert "approved" in refused.stderr
    assert weft("approve", execution, "ask", "--output", '{"approved": true}').exit_code == ExitCode.DONE
    watched = weft("watch", execution)
    assert watched.exit_code == ExitCode.DONE
    assert '"words": 4' in watched.stdout
    assert [each["id"] for each in weft.json("list", "--label", "run=approval", "--status", "succeeded")] == [execution]
    found = weft.json("get", execution)
    assert [(step["stepId"], step["status"]) for step in found["steps"]] == [
        ("words", "SUCCEEDED"),
        ("ask", "SUCCEEDED"),
        ("publish", "SUCCEEDED"),
    ]
    assert "succeeded" in weft("get", execution).stdout


def test_a_rejected_step_fails_the_execution_and_a_retry_asks_again(weft: Shell, review: str) -> None:
    execution = weft.start(review, {"text": "x"})
    weft.until_waiting(execution, "ask")
    assert weft("approve", execution, "ask", "--reject", "not like this").exit_code == ExitCode.DONE
    watched = weft("watch", execution)
    assert watched.exit_code == ExitCode.FAILED
    assert "not like this" in watched.stdout
    assert weft.json("retry", execution)["id"] != execution


def test_pausing_resuming_and_cancelling(weft: Shell, review: str) -> None:
    execution = weft.start(review, {"text": "x"})
    weft.until_waiting(execution, "ask")
    assert weft("pause", execution, "--reason", "lunch").stdout == f"{execution} paused\n"
    assert weft("resume", execution).exit_code == ExitCode.DONE
    assert weft("resume", execution).exit_code == ExitCode.REFUSED
    assert weft("cancel", execution, "--reason", "enough").exit_code == ExitCode.DONE
    watched = weft("watch", execution)
    assert watched.exit_code == ExitCode.CANCELLED
    assert "enough" in watched.stdout


def test_a_signal_carries_its_payload(weft: Shell, tmp_path: Path) -> None:
    file = tmp_path / "listen.yaml"
    file.write_text(
        "name: listen\noutput: '${ steps.hear.output }'\nsteps: [{id: hear, kind: signal, with: {name: go}}]\n"
    )
    assert weft("apply", str(file)).exit_code == ExitCode.DONE
    execution = weft.start("listen", {})
    assert weft("signal", execution, "go", "--payload", '{"n": 1}').exit_code == ExitCode.DONE
    events = [json.loads(line) for line in weft("watch", execution, "--json").stdout.splitlines()]
    assert events[-1]["output"] == {"n": 1}
    assert [event["seq"] for event in events if event["seq"]] == list(range(1, len(events) + 1))
    after = weft("watch", execution, "--json", "--after", str(events[-1]["seq"]))
    assert (after.stdout, after.exit_code) == ("", ExitCode.DONE)


def test_an_idempotency_key_starts_one_execution(weft: Shell, review: str) -> None:
    key = ("--idempotency-key", "only-once")
    assert weft.start(review, {"text": "x"}, *key) == weft.start(review, {"text": "x"}, *key)


def test_what_the_server_refuses_is_told_with_path_and_code(weft: Shell, review: str) -> None:
    missing = weft("start", "no-such-flow")
    assert missing.exit_code == ExitCode.REFUSED
    assert "[NOT_FOUND]" in missing.stderr
    wrong = weft("start", review, "--input", '{"text": 1}')
    assert wrong.exit_code == ExitCode.REFUSED
    assert "(at input.text) [VALIDATION_FAILED]" in wrong.stderr
    for command in (
        ("get", "ex_gone"),
        ("watch", "ex_gone"),
        ("cancel", "ex_gone"),
        ("approve", "ex_gone", "a", "--output", "1"),
    ):
        result = weft(*command)
        assert (result.exit_code, result.stdout) == (ExitCode.REFUSED, ""), command
        assert "[NOT_FOUND]" in result.stderr


def test_json_output_is_json_alone(weft: Shell, review: str) -> None:
    assert weft.json("workflows", "--name", review)[0]["name"] == review
    assert isinstance(weft.json("waiting", "--assignee", "nobody"), list)
    assert weft.json("list", "--limit", "1") != []


def test_a_watcher_sees_every_event_once_though_the_server_is_killed_in_between(weft: Shell, review: str) -> None:
    execution = weft.start(review, {"text": "to be"})
    with weft.watching(execution) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        while '"StepWaiting"' not in "".join(lines):
            lines.append(process.stdout.readline())
        weft.server.kill()
        weft.server.restart()
        assert weft("approve", execution, "ask", "--output", '{"approved": true}').exit_code == ExitCode.DONE
        lines.extend(process.stdout)
        errors = process.stderr.read()
    events = [json.loads(line) for line in lines]
    assert [event["seq"] for event in events if event["seq"]] == list(range(1, len(events) + 1))
    assert events[-1]["output"] == {"words": 2}
    assert "trying again" in errors
    assert process.returncode == ExitCode.DONE


def test_a_second_server_on_the_same_data_says_who_has_it(weft: Shell) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "weft", "serve", "--port", "0"],
        env=weft.server.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert second.returncode == ExitCode.IN_USE
    assert second.stdout == ""
    (line,) = second.stderr.splitlines()
    assert f"is in use by process {weft.server.pid}" in line
