"""Shows an execution while it runs: as a live tree, as lines, or as JSON; and says how it ended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from enum import Enum, auto
from typing import Any

from rich.live import Live

from weft.cli.api import Api
from weft.cli.documents import EXECUTION_PLAN
from weft.cli.event_lines import event_line
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.follow import ENDINGS, Event, follow, status_of
from weft.cli.json_output import print_json_line
from weft.cli.output import console, elapsed, indented_json, one_line, plain
from weft.cli.tree import TreePainter
from weft.cli.watched import WatchedExecution

_FRAMES_PER_SECOND = 10
_SHOWN_LINES = 40
"""Of an output; the rest is for `weft get --json`."""

EXIT_CODES = {
    "SUCCEEDED": ExitCode.DONE,
    "FAILED": ExitCode.FAILED,
    "TIMED_OUT": ExitCode.FAILED,
    "CANCELLED": ExitCode.CANCELLED,
}


class View(Enum):
    TREE = auto()
    LINES = auto()
    JSON = auto()


def suitable_view(*, as_json: bool, after: int = 0) -> View:
    """A tree needs a terminal, and the log from its beginning."""
    if as_json:
        return View.JSON
    return View.TREE if console().is_terminal and after == 0 else View.LINES


async def watch(
    api: Api, execution_id: str, view: View, *, after: int = 0, on_event: Callable[[Event], None] = lambda _: None
) -> ExitCode:
    """Until the execution ends. Raises what `follow` raises."""
    try:
        if view is View.TREE:
            status: str | None = await _watch_tree(api, execution_id, on_event)
        else:
            status = await _watch_lines(api, execution_id, after, on_event, as_json=view is View.JSON)
    except asyncio.CancelledError:
        console(stderr=True).print(f"weft: no longer watched; {execution_id} goes on")
        raise
    return EXIT_CODES[status or str(await status_of(api, execution_id))]


async def _load_plan(api: Api, execution_id: str) -> WatchedExecution:
    found = (await api.query(EXECUTION_PLAN, id=execution_id))["execution"]
    if found is None:
        raise CommandFailed(ExitCode.REFUSED, f"there is no execution {execution_id} [NOT_FOUND]")
    execution = WatchedExecution(execution_id, found["workflow"]["name"], found["version"]["number"])
    execution.plan(found["definition"])
    return execution


async def _watch_lines(
    api: Api, execution_id: str, after: int, on_event: Callable[[Event], None], *, as_json: bool
) -> str | None:
    """The status that it ended with; None if it had ended before `after`."""
    out, errors = console(), console(stderr=True)
    events = follow(
        api,
        execution_id,
        after=after,
        ephemeral=as_json,
        on_interruption=lambda pause: errors.print(f"weft: {_lost(pause)}"),
    )
    async with aclosing(events):
        async for event in events:
            on_event(event)
            if as_json:
                print_json_line(event)
            elif line := event_line(event):
                out.print(line, soft_wrap=True)
            if event["__typename"] in ENDINGS:
                if not as_json:
                    _print_output(execution_id, event.get("output"))
                return ENDINGS[event["__typename"]]
    return None


async def _watch_tree(api: Api, execution_id: str, on_event: Callable[[Event], None]) -> str:
    execution = await _load_plan(api, execution_id)
    screen = _Screen(execution)
    async with screen.live(), aclosing(follow(api, execution_id, on_interruption=screen.lost)) as events:
        async for event in events:
            screen.note = None
            if event["__typename"] == "ExecutionEdited":
                execution.plan(await _load_definition(api, execution_id))
            execution.tell(event)
            on_event(event)
    _print_end(execution)
    return execution.status


async def _load_definition(api: Api, execution_id: str) -> dict[str, Any]:
    """As it stands, live edits included."""
    definition = (await api.query(EXECUTION_PLAN, id=execution_id))["execution"]["definition"]
    assert isinstance(definition, dict)
    return definition


class _Screen:
    """The tree on a terminal, redrawn as time passes. `note` is shown below it."""

    def __init__(self, execution: WatchedExecution) -> None:
        self.note: str | None = None
        out = console()
        painter = TreePainter(unicode=out.encoding.startswith("utf"))
        # Drawn from the event loop: a thread of Rich's would read the steps while an event changes them.
        self._live = Live(
            console=out, auto_refresh=False, get_renderable=lambda: painter.paint(execution, self.note), transient=False
        )

    def lost(self, pause_seconds: float) -> None:
        self.note = _lost(pause_seconds)

    @asynccontextmanager
    async def live(self) -> AsyncIterator[None]:
        with self._live:
            redrawing = asyncio.create_task(self._redraw())
            try:
                yield
            finally:
                redrawing.cancel()
                with suppress(asyncio.CancelledError):
                    await redrawing
                self._live.vertical_overflow = "visible"  # the last picture may scroll, and is whole
                self._live.refresh()

    async def _redraw(self) -> None:
        while True:
            self._live.refresh()
            await asyncio.sleep(1 / _FRAMES_PER_SECOND)


def _lost(pause_seconds: float) -> str:
    return f"the connection is lost; trying again in {pause_seconds:.1f} s, and nothing is missed"


def _print_end(execution: WatchedExecution) -> None:
    out = console()
    took = elapsed(execution.started, execution.finished)
    status = execution.status.lower().replace("_", " ")
    out.print(f"{status} in {took}" if took else status, style="bold")
    if execution.failure:
        out.print(f"{execution.failure['code']}: {plain(execution.failure['message'])}", soft_wrap=True)
    elif execution.reason:
        out.print(one_line(execution.reason, 300))
    _print_output(execution.execution_id, execution.output)


def _print_output(execution_id: str, output: Any) -> None:
    if output is None:
        return
    out, lines = console(), indented_json(output).splitlines()
    out.print("\n".join(lines[:_SHOWN_LINES]), soft_wrap=True)
    if len(lines) > _SHOWN_LINES:
        out.print(f"… {len(lines) - _SHOWN_LINES} lines more: weft get {execution_id} --json", style="dim")
