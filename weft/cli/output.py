"""Writing for people. Data goes to standard output, everything about it to standard error."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PIPE_WIDTH = 200

STYLES = {
    "SUCCEEDED": "green",
    "ACTIVE": "green",
    "ENABLED": "green",
    "STARTED": "green",
    "BUFFERED": "yellow",
    "THROTTLED": "yellow",
    "RUNNING": "cyan",
    "RETRYING": "yellow",
    "WAITING": "yellow",
    "PAUSED": "yellow",
    "FAILED": "red",
    "TIMED_OUT": "red",
    "CANCELLED": "magenta",
}
"""Colours of statuses; the others have none. Rich leaves colours out where NO_COLOR is set or nobody looks."""


def console(*, stderr: bool = False) -> Console:
    """Wide where the output is no terminal, so that no id is cut for the program behind the pipe."""
    found = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, markup=False, width=_PIPE_WIDTH)


def plain(text: str) -> str:
    """Text of strangers without what would steer the terminal; line breaks and tabs stay."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(value: Any, most: int = 80) -> str:
    """A value in at most so many characters, for tables and logs."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(plain(text).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def indented_json(value: Any) -> str:
    return plain(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))


def status_text(status: str) -> Text:
    return Text(status.lower().replace("_", " "), style=STYLES.get(status, ""))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """The first column is never cut: it is what the next command takes."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) if isinstance(cell, str) else cell for cell in row))
    console().print(table)


def print_fields(fields: Mapping[str, str | Text | None]) -> None:
    """One line for each field that has a value."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in fields.items():
        if value:
            grid.add_row(name, Text(plain(value)) if isinstance(value, str) else value)
    console().print(grid)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def local_time(text: str | None) -> str:
    return moment(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else ""


def elapsed(started: str | None, finished: str | None) -> str:
    """Between two moments, or until now."""
    if started is None:
        return ""
    end = moment(finished) if finished else datetime.now(UTC)
    return duration((end - moment(started)).total_seconds())


def duration(seconds: float) -> str:
    """`340 ms`, `2.1 s`, `3 m 20 s`, `2 h 5 m`, `3 d 2 h`"""
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    shown = [(number, unit) for number, unit in parts if number]
    return " ".join(f"{number} {unit}" for number, unit in shown[:2])
