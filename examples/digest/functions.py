"""Facts about Markdown documents, computed for real; only the model of this example is scripted."""

import re
from dataclasses import dataclass
from pathlib import Path

from langgraph.config import get_stream_writer

from weft import function

ROOT = Path(__file__).resolve().parents[2]
WORDS_PER_MINUTE = 220

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_NOT_PROSE = re.compile(r"^\s*(\||<|#|$)")
_MARKUP = re.compile(
    r"""
      !?\[(?P<link>[^\]]*)\]\([^)]*\)
    | `+(?P<code>[^`]+)`+
    | (?<!\w)(?P<mark>\*{1,3}|_{1,3})(?=\S)(?P<emphasised>.+?)(?<=\S)(?P=mark)(?!\w)
    | <(?P<address>https?://[^>]+)>
    """,
    re.VERBOSE,
)
_BULLET = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")


@dataclass(frozen=True)
class Section:
    """`text` is as it was written; `prose` is without code, tables and markup."""

    heading: str
    level: int
    text: str
    prose: str


@dataclass(frozen=True)
class Facts:
    words: int
    reading_seconds: int
    code_lines: int
    links: list[str]


@dataclass(frozen=True)
class Digest:
    heading: str
    level: int
    digest: str | None
    facts: Facts


@function(name="digest.read_document")
def read_document(text: str | None = None, file: str | None = None) -> str:
    """The text that was given, or a file of this repository."""
    if text is not None:
        return text
    path = (ROOT / (file or "")).resolve()
    if not path.is_relative_to(ROOT):
        raise ValueError(f"{file!r} is not a file of this repository")
    return path.read_text(encoding="utf-8")


@function(name="digest.split")
def split(text: str) -> list[Section]:
    """One section for each heading; what stands before the first one is the preface."""
    sections: list[tuple[str, int, list[str]]] = [("Preface", 1, [])]
    in_code = False
    for line in text.splitlines():
        in_code ^= bool(_FENCE.match(line))
        heading = None if in_code else _HEADING.match(line)
        if heading:
            sections.append((_plain(heading[2]), len(heading[1]), []))
        else:
            sections[-1][2].append(line)
    return [
        Section(heading=heading, level=level, text="\n".join(lines).strip(), prose=_prose(lines))
        for heading, level, lines in sections
        if any(line.strip() for line in lines)
    ]


@function(name="digest.facts")
def facts(section: Section) -> Facts:
    words = len(section.prose.split())
    return Facts(
        words=words,
        reading_seconds=round(words * 60 / WORDS_PER_MINUTE),
        code_lines=sum(1 for _ in _code(section.text.splitlines())),
        links=re.findall(r"\]\(([^)\s]+)\)", section.text),
    )


@function(name="digest.join")
def join(digests: list[Digest]) -> str:
    """One Markdown document with a contents line, and a paragraph for each section."""
    write = get_stream_writer()
    words = sum(digest.facts.words for digest in digests)
    code = sum(digest.facts.code_lines for digest in digests)
    seconds = sum(digest.facts.reading_seconds for digest in digests)
    parts = [f"# Digest\n\n{len(digests)} sections, {words} words, {code} lines of code, {_minutes(seconds)} to read."]
    for place, digest in enumerate(digests, 1):
        parts.append(_paragraph(digest))
        write({"message": f"joined {digest.heading}", "fraction": place / len(digests)})
    return "\n\n".join(parts) + "\n"


def _paragraph(digest: Digest) -> str:
    marks = "#" * min(digest.level + 1, 6)
    known = digest.facts
    said = digest.digest or "Code and tables only."
    return f"{marks} {digest.heading}\n\n{said}\n\n*{known.words} words, {_minutes(known.reading_seconds)}*"


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{round(seconds / 60)} min"  # noqa: PLR2004 - a minute


def _prose(lines: list[str]) -> str:
    code = set(_code(lines))
    kept = [
        _plain(_BULLET.sub("", line))
        for place, line in enumerate(lines)
        if place not in code and not _FENCE.match(line) and not _NOT_PROSE.match(line)
    ]
    return " ".join(kept)


def _code(lines: list[str]) -> list[int]:
    """Which lines stand inside of fences."""
    found, inside = [], False
    for place, line in enumerate(lines):
        if _FENCE.match(line):
            inside = not inside
        elif inside:
            found.append(place)
    return found


def _plain(line: str) -> str:
    """Links by their text, code and emphasis by what is in them."""
    return _MARKUP.sub(
        lambda match: next(filter(None, match.group("link", "code", "emphasised", "address")), ""), line
    ).strip()
