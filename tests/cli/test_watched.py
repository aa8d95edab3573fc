"""What a watcher makes of events, and how it is drawn."""

import io
from typing import Any

from rich.console import Console

from tests.cli.events import event
from weft.cli.event_lines import event_line
from weft.cli.tree import TreePainter
from weft.cli.watched import WatchedExecution

FAILURE = {"kind": "TASK", "code": "bad", "message": "it \x1b[31mbroke", "stepId": None, "retryable": False}


def watched(*steps: str) -> WatchedExecution:
    execution = WatchedExecution("ex_1", "flow", 2)
    execution.plan({"steps": [{"id": step, "kind": "function"} for step in steps]})
    return execution


def drawn(execution: WatchedExecution, *, unicode: bool = True) -> str:
    out = io.StringIO()
    Console(file=out, width=120, color_system=None).print(TreePainter(unicode=unicode).paint(execution))
    return out.getvalue()


def wait(kind: str, **own: Any) -> dict[str, Any]:
    names = ("prompt", "schema", "until", "signal", "interruptId", "value", "executionId")
    return {"kind": kind, **dict.fromkeys(names), "assignees": [], **own}


def test_steps_that_have_not_begun_are_shown_in_order_of_definition() -> None:
    execution = watched("b", "a")
    execution.tell(event("StepStarted", 2, stepId="a"))
    lines = drawn(execution).splitlines()
    assert "· b" in lines[1]
    assert " a  function" in lines[2]


def test_a_live_edit_adds_and_removes_steps_and_keeps_what_has_run() -> None:
    execution = watched("a", "b")
    execution.tell(event("StepStarted", 2, stepId="a"))
    execution.plan({"steps": [{"id": "c", "kind": "transform"}]})
    assert [step.path for step in execution.top] == ["c", "a"]


def test_a_wide_map_is_summed_up_and_only_open_and_failed_items_are_drawn() -> None:
    execution = watched("map")
    execution.tell(event("StepStarted", 2, stepId="map", kind="map"))
    for index in range(100):
        execution.tell(event("StepStarted", 3, stepId=f"map[{index}].work"))
        if index not in (7, 42):
            execution.tell(event("StepSucceeded", 4, stepId=f"map[{index}].work"))
            execution.tell(event("ItemEnded", 5, stepId="map", index=index, failed=False, output=None))
    execution.tell(event("StepFailed", 6, stepId="map[7].work", attempt=1, failure=FAILURE))
    execution.tell(event("ItemEnded", 7, stepId="map", index=7, failed=True, output=None))
    picture = drawn(execution)
    assert "98 done · 1 failed · 1 open" in picture
    assert "[7] work" in picture
    assert "[42] work" in picture
    assert len(picture.splitlines()) == 4


def test_a_second_visit_of_a_node_stands_beside_the_first_and_its_runs_inside_of_it() -> None:
    execution = watched("graph")
    for path in ("graph", "graph.plan", "graph.plan[2]", "graph.plan[2].tool"):
        execution.tell(event("StepStarted", 2, stepId=path))
    assert [child.name for child in execution.steps["graph"].children] == ["plan", "plan[2]"]
    assert [child.name for child in execution.steps["graph.plan[2]"].children] == ["tool"]
    assert not execution.steps["graph.plan"].frames


def test_a_waiting_step_says_what_is_asked_and_which_command_answers() -> None:
    execution = watched("ask", "hear")
    execution.tell(event("StepWaiting", 2, stepId="ask", waitingFor=wait("approval", prompt="Send?")))
    execution.tell(event("StepWaiting", 3, stepId="hear", waitingFor=wait("signal", signal="packed")))
    picture = drawn(execution)
    assert "Send?" in picture
    assert "weft approve ex_1 ask" in picture
    assert "weft signal ex_1 packed" in picture
    execution.tell(event("StepResumed", 4, stepId="ask", payload=None, actor=None))
    assert "weft approve" not in drawn(execution)


def test_progress_and_streamed_text_are_shown_while_a_step_runs_and_gone_afterwards() -> None:
    execution = watched("write")
    execution.tell(event("StepStarted", 2, stepId="write"))
    execution.tell(event("StepProgressed", stepId="write", fraction=0.5))
    execution.tell(event("StepOutputDelta", stepId="write", text="Dear "))
    execution.tell(event("StepOutputDelta", stepId="write", text="Ada"))
    assert "50%" in drawn(execution)
    assert "…Dear Ada" in drawn(execution)
    execution.tell(event("StepSucceeded", 3, stepId="write"))
    assert "Ada" not in drawn(execution)


def test_failures_are_shown_without_what_would_steer_the_terminal() -> None:
    execution = watched("a")
    execution.tell(event("StepFailed", 2, stepId="a", attempt=1, failure=FAILURE))
    assert "bad: it \ufffd[31mbroke" in drawn(execution)


def test_a_terminal_without_unicode_gets_plain_marks() -> None:
    execution = watched("a")
    execution.tell(event("StepStarted", 2, stepId="a"))
    execution.tell(event("StepProgressed", stepId="a", fraction=0.25))
    assert "###---------" in drawn(execution, unicode=False)


def test_the_status_follows_the_events_to_the_end() -> None:
    execution = watched("a")
    for told, status in [
        (event("ExecutionStarted", 2, worker="w"), "RUNNING"),
        (event("ExecutionStatusChanged", 3, **{"from": "RUNNING", "to": "PAUSED"}), "PAUSED"),
        (event("ExecutionCancelled", 4, reason="changed my mind"), "CANCELLED"),
    ]:
        execution.tell(told)
        assert execution.status == status
    assert execution.ended
    assert execution.reason == "changed my mind"


def test_lines_leave_out_what_says_nothing_to_people() -> None:
    assert event_line(event("CheckpointSaved", 2, stepId="a", checkpointId="c")) is None
    line = event_line(event("StepFailed", 3, stepId="a", attempt=1, failure=FAILURE))
    assert line is not None
    assert line.endswith("a  failed: bad: it \ufffd[31mbroke")
