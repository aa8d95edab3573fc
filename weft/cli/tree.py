"""Draws a watched execution: its steps as a tree, with what each is doing."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from weft.cli.output import STYLES, elapsed, local_time, one_line, plain
from weft.cli.watched import WatchedExecution, WatchedStep

_ICONS = {
    "PENDING": "·",
    "RETRYING": "↻",
    "WAITING": "⏸",
    "PAUSED": "⏸",
    "QUEUED": "·",
    "SUCCEEDED": "✓",
    "FAILED": "✗",
    "TIMED_OUT": "✗",
    "SKIPPED": "-",
    "CANCELLED": "⊘",
    "COMPENSATED": "↩",
}
_ASCII = {"✓": "+", "✗": "x", "·": ".", "↻": "~", "⏸": "|", "⊘": "/", "↩": "<"}
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = 12
_SHOWN_FRAMES = 4
"""Items of a map that are drawn one by one; with more of them, those that run or failed come first."""
_SHOWN_CHILDREN = 8


class TreePainter:
    """`unicode` is false for terminals whose encoding has no such characters."""

    def __init__(self, *, unicode: bool) -> None:
        self._unicode = unicode

    def paint(self, execution: WatchedExecution, note: str | None = None) -> RenderableType:
        """`note` is a line below the tree, such as that the connection is lost."""
        tree = Tree(self._title(execution), guide_style="dim")
        for step in execution.top:
            self._add(tree, step, execution)
        return Group(tree, Text(note, style="yellow")) if note else tree

    def _title(self, execution: WatchedExecution) -> Text:
        status = execution.status
        title = Text(no_wrap=True, overflow="ellipsis")
        title.append(f"{self.icon(status)} ", STYLES.get(status, ""))
        title.append(f"{execution.workflow} v{execution.version}", "bold")
        title.append(f"  {execution.execution_id}  ", "dim")
        title.append(status.lower().replace("_", " "), STYLES.get(status, ""))
        title.append(f"  {elapsed(execution.started, execution.finished)}", "dim")
        return title

    def _add(self, tree: Tree, step: WatchedStep, execution: WatchedExecution, prefix: str = "") -> None:
        branch = tree.add(self._line(step, prefix))
        if answer := answer_command(step, execution.execution_id):
            branch.add(Text(answer, style="yellow", no_wrap=True, overflow="fold"))
        hidden = len(step.children) - _SHOWN_CHILDREN
        if hidden > 0:
            branch.add(Text(f"{hidden} earlier", style="dim"))
        for child in step.children[-_SHOWN_CHILDREN:]:
            self._add(branch, child, execution)
        if step.status in ("RUNNING", "WAITING", "RETRYING", "FAILED"):
            for index in _shown_frames(step):
                for child in step.frames[index]:
                    self._add(branch, child, execution, f"[{index}] ")

    def _line(self, step: WatchedStep, prefix: str) -> Text:
        style = STYLES.get(step.status, "dim")
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{self.icon(step.status)} ", style)
        line.append(f"{prefix}{step.name}", "dim" if step.status in ("PENDING", "SKIPPED") else "")
        line.append(f"  {step.kind}", "dim")
        if step.status in ("SUCCEEDED", "FAILED", "RUNNING"):
            line.append(f"  {elapsed(step.started, step.finished)}", "dim")
        for text, text_style in self._details(step):
            line.append("  ")
            line.append(text, text_style)
        return line

    def _details(self, step: WatchedStep) -> Iterator[tuple[str, str]]:
        if step.frames:
            yield _frames_text(step), "dim"
        if step.status == "RUNNING":
            yield from self._doing(step)
        elif step.status == "RETRYING" and step.failure:
            yield f"attempt {step.attempt} failed: {one_line(step.failure['message'])}", "yellow"
        elif step.status == "FAILED" and step.failure:
            yield f"{step.failure['code']}: {one_line(step.failure['message'], 200)}", "red"
        elif step.status == "WAITING" and step.waiting_for:
            yield _waiting_text(step.waiting_for), "yellow"
        elif step.status in ("SKIPPED", "CANCELLED") and step.message:
            yield one_line(step.message), "dim"

    def _doing(self, step: WatchedStep) -> Iterator[tuple[str, str]]:
        if step.attempt > 1:
            yield f"attempt {step.attempt}", "yellow"
        if step.fraction is not None:
            yield self._bar(step.fraction), "cyan"
        if step.message:
            yield one_line(step.message), ""
        if step.tail:
            yield f"…{' '.join(plain(step.tail).split())[-60:]}", "dim italic"

    def _bar(self, fraction: float) -> str:
        full = round(_BAR * min(max(fraction, 0.0), 1.0))
        on, off = ("█", "░") if self._unicode else ("#", "-")
        return f"{on * full}{off * (_BAR - full)} {fraction:.0%}"

    def icon(self, status: str) -> str:
        if status == "RUNNING":
            return _SPINNER[int(time.monotonic() * 10) % len(_SPINNER)] if self._unicode else "*"
        icon = _ICONS[status]
        return icon if self._unicode else _ASCII.get(icon, icon)


def answer_command(step: WatchedStep, execution_id: str) -> str | None:
    """What ends the wait of a step, if a person can end it."""
    wait = step.waiting_for
    if wait is None or wait["kind"] not in ("approval", "interrupt", "signal"):
        return None
    if wait["kind"] == "signal":
        return f"weft signal {execution_id} {wait['signal']}"
    return f"weft approve {execution_id} {step.path}"


def _waiting_text(wait: Mapping[str, Any]) -> str:
    match wait["kind"]:
        case "approval" | "interrupt":
            return one_line(wait["prompt"] or wait["value"] or "asks for an answer")
        case "signal":
            return f"waits for the signal {one_line(wait['signal'])}"
        case "child":
            return f"waits for {wait['executionId']}"
        case kind:
            return f"waits until {local_time(wait['until'])}" if wait["until"] else f"waits for {kind}"


def _frames_text(step: WatchedStep) -> str:
    counts = (
        (len(step.frames_done), "done"),
        (len(step.frames_failed), "failed"),
        (len(step.frames_open), "open"),
    )
    return " · ".join(f"{count} {name}" for count, name in counts if count)


def _shown_frames(step: WatchedStep) -> list[int]:
    if len(step.frames) <= _SHOWN_FRAMES:
        return sorted(step.frames)
    return sorted((*step.frames_failed, *step.frames_open))[:_SHOWN_FRAMES]
