"""How a watched execution is shown, and how it ends for scripts."""

import json
from typing import cast

import pytest

from tests.cli.events import event
from tests.cli.scripted_api import ScriptedApi
from weft.cli.api import Api
from weft.cli.exit_codes import ExitCode
from weft.cli.watching import View, watch

FAILURE = {"kind": "TIMEOUT", "code": "deadline", "message": "too late", "stepId": None, "retryable": False}
BEGINNING = [
    event("ExecutionQueued", 1, lane="default"),
    event("ExecutionStarted", 2, worker="w"),
    event("StepStarted", 3, stepId="a"),
    event("StepOutputDelta", stepId="a", text="Dear"),
    event("StepSucceeded", 4, stepId="a", output=1),
]
SUCCESS = event("ExecutionSucceeded", 5, output={"n": 1})


async def watched(view: View, ending: dict[str, object]) -> ExitCode:
    api = ScriptedApi([*BEGINNING, ending], steps=["a", "b"])
    return await watch(cast("Api", api), "ex_1", view)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (SUCCESS, ExitCode.DONE),
        (event("ExecutionFailed", 5, failure=FAILURE), ExitCode.FAILED),
        (event("ExecutionTimedOut", 5, failure=FAILURE), ExitCode.FAILED),
        (event("ExecutionCancelled", 5), ExitCode.CANCELLED),
    ],
)
@pytest.mark.parametrize("view", View)
async def test_the_exit_code_tells_how_it_ended(view: View, ending: dict[str, object], code: ExitCode) -> None:
    assert await watched(view, ending) is code


async def test_the_last_picture_of_the_tree_stays_with_the_output_below(capsys: pytest.CaptureFixture[str]) -> None:
    await watched(View.TREE, SUCCESS)
    shown = capsys.readouterr().out
    assert "flow v1" in shown
    assert "✓ a" in shown
    assert "· b" in shown
    assert shown.endswith('succeeded in 3.0 s\n{\n  "n": 1\n}\n')


async def test_json_is_one_event_a_line_ephemeral_ones_too(capsys: pytest.CaptureFixture[str]) -> None:
    await watched(View.JSON, SUCCESS)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [*BEGINNING, SUCCESS]


async def test_lines_end_with_the_reason_or_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    await watched(View.LINES, SUCCESS)
    assert capsys.readouterr().out.endswith('execution  succeeded\n{\n  "n": 1\n}\n')
    await watched(View.LINES, event("ExecutionFailed", 5, failure=FAILURE))
    assert capsys.readouterr().out.endswith("execution  failed: deadline: too late\n")
