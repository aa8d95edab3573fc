"""Rows of the table, and how they are shown and kept."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

LATEST = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that the row's number must keep: at least it, or at most it."""

    bound: float
    at_least: bool = False
    unit: str = "x"

    def met_by(self, number: float) -> bool:
        return number >= self.bound if self.at_least else number <= self.bound

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {self.bound:g} {self.unit}".replace(" x", "x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`number` is the ratio of the two sides, or an amount where there is nothing to compare with; the goal is about it."""

    what: str
    against: str = ""
    ours: str = ""
    theirs: str = ""
    number: float
    unit: str = "x"
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "met" if self.goal.met_by(self.number) else "MISSED"


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios round by round: what disturbs the machine for a while disturbs both numbers of a round."""
    return median(above / below for above, below in zip(over, under, strict=True))


def markdown(rows: Sequence[Row]) -> str:
    cells = [("what", "ours", "against", "theirs", "result", "goal", "")]
    cells += [
        (row.what, row.ours, row.against, row.theirs, _amount(row), str(row.goal or ""), row.verdict) for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _amount(row: Row) -> str:
    return f"{row.number:.2f}{row.unit}" if row.unit == "x" else f"{row.number:.3g} {row.unit}"


def save(rows: Sequence[Row], path: Path = LATEST) -> None:
    path.parent.mkdir(exist_ok=True)
    shown = [{**asdict(row), "verdict": row.verdict} for row in rows]
    path.write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")
