"""Searches the documents of this repository: the tool of the research example."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

from weft import function

ROOT = Path(__file__).resolve().parents[2]
BEST = 2
SHORTEST_WORD = 4
LONGEST_PASSAGE = 300


@function(name="research.search")
def search(query: str) -> str:
    """Finds the passages of the documentation that have most of the words of the query, with their source."""
    wanted = set(_words(query))
    ranked = sorted(_passages(), key=lambda passage: _score(wanted, passage[1]), reverse=True)
    found = [(source, text) for source, text in ranked[:BEST] if _score(wanted, text)]
    if not found:
        return f"(nothing about {query!r})"
    shown = [(source, shorten(text, LONGEST_PASSAGE, placeholder=" ...")) for source, text in found]
    return "\n".join(f"[{source}] {text}" for source, text in shown)


@function(name="research.report")
def report(question: str, notes: list[str], rounds: int) -> str:
    """A report with each passage once, in the order in which it was found."""
    passages = dict.fromkeys(line for note in notes for line in note.splitlines() if line.startswith("["))
    sources = Counter(line[1:].partition("]")[0] for line in passages)
    told = "\n".join(f"- {line}" for line in passages)
    listed = ", ".join(f"{source} ({count})" for source, count in sources.most_common())
    return f"# {question}\n\n{told}\n\nSources after {rounds} rounds: {listed}\n"


def _passages() -> Iterator[tuple[str, str]]:
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            text = " ".join(paragraph.split())
            if text and text[0].isalnum():
                yield str(path.relative_to(ROOT)), text


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[a-z]+", text.lower()) if len(word) >= SHORTEST_WORD]


def _score(wanted: set[str], text: str) -> float:
    """How many of the words the passage has; of two with the same count, the shorter one."""
    hits = len(wanted.intersection(_words(text)))
    return hits - len(text) / 1_000_000 if hits else 0
