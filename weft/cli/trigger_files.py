"""Reads files of triggers: YAML, one document or several, or JSON; each document is a trigger or a list of them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from engine.domain.errors import Path as ProblemPath
from engine.domain.errors import Problem, ValidationFailed
from engine.domain.json_values import json_problems
from engine.domain.triggers.form import TriggerFile
from engine.domain.validation.triggers import form_problems
from engine.usecases.yaml_reading import read_yaml

_DOCUMENT = re.compile(r"^(?=---(?:\s|$))", re.MULTILINE)
_NOTHING = re.compile(r"(?:---|\s|#[^\n]*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTrigger:
    """One trigger of a file. `form` is None where something is wrong with it, and `problems` say what."""

    file: Path
    path: ProblemPath = ()
    """Where it stands in its document."""
    written: Any = None
    form: TriggerFile | None = None
    problems: tuple[Problem, ...] = ()
    lines: Mapping[ProblemPath, int]

    def placed(self, problem: Problem) -> Problem:
        """With the path from the document's root, and the line of what is wrong or of what it is missing in."""
        path = (*self.path, *problem.path)
        known = (self.lines.get(path[:length]) for length in range(len(path), -1, -1))
        line = problem.line or next((line for line in known if line is not None), None)
        return msgspec.structs.replace(problem, path=path, line=line)


def read_triggers(file: Path, text: str) -> list[WrittenTrigger]:
    """In the order of the file. A document that cannot be read at all is one with problems."""
    try:
        documents = list(_documents(text))
    except ValidationFailed as error:
        return [WrittenTrigger(file=file, problems=error.problems, lines={})]
    if not documents:
        nothing = Problem(message="there is no trigger in the file", line=1)
        return [WrittenTrigger(file=file, problems=(nothing,), lines={})]
    return [trigger for document, lines in documents for trigger in _triggers(file, document, lines)]


def _triggers(file: Path, document: Any, lines: Mapping[ProblemPath, int]) -> Iterator[WrittenTrigger]:
    items = enumerate(document) if isinstance(document, list) else [(None, document)]
    now = datetime.now(UTC)
    for index, written in items:
        path = () if index is None else (str(index),)
        found = WrittenTrigger(file=file, path=path, written=written, lines=lines)
        problems = json_problems(written) or form_problems(TriggerFile, written, (), now=now)
        if problems:
            yield replace(found, problems=tuple(found.placed(problem) for problem in problems))
        else:
            yield replace(found, form=TriggerFile.model_validate(written))


def _documents(text: str) -> Iterator[tuple[Any, Mapping[ProblemPath, int]]]:
    """Raises `ValidationFailed`."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield json.loads(text), {}
        except json.JSONDecodeError:
            pass  # YAML may begin like JSON
        else:
            return
    begins = [0, *(found.start() for found in _DOCUMENT.finditer(text) if found.start())]
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=True):
        if not _NOTHING.fullmatch(text, begin, end):
            yield read_yaml("\n" * text.count("\n", 0, begin) + text[begin:end])
