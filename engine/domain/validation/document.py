"""Validates a whole definition."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from engine.domain.definition import WorkflowDefinition
from engine.domain.errors import Path, Problem
from engine.domain.json_values import json_problems
from engine.domain.kinds import StepKind
from engine.domain.labels import label_problems
from engine.domain.schemas import check_schema
from engine.domain.validation.limits import DefinitionLimits, count_problem, size_problem
from engine.domain.validation.references import EVERYWHERE, Visible, template_problems
from engine.domain.validation.shape import shape_problems
from engine.domain.validation.steps import Rules, all_visible, steps_problems
from engine.domain.validation.triggers import triggers_problems

MOST_PROBLEMS = 200
"""What comes after is not looked for: a hint for an unknown name compares it with all that are known."""
_TOP = Visible(EVERYWHERE, ())
_BEFORE_START = Visible(frozenset({"input", "execution"}), ())


def validate_definition(
    document: Any,
    kinds: Mapping[str, StepKind],
    limits: DefinitionLimits,
    lines: Mapping[Path, int] | None = None,
) -> list[Problem]:
    """The problems, `MOST_PROBLEMS` at the most, in the order of the document; none if it is valid. `lines` gives the lines of
    paths, where known. What is not JSON or over a limit is reported alone. A definition changed by live edits is validated the
    same way.
    """
    problems = list(islice(_distinct(_problems(document, kinds, limits)), MOST_PROBLEMS))
    problems.sort(key=lambda problem: _position(problem.path))
    return [_with_line(problem, lines) for problem in problems] if lines else problems


def _distinct(problems: Iterable[Problem]) -> Iterator[Problem]:
    seen: set[Problem] = set()
    for problem in problems:
        if problem not in seen:
            seen.add(problem)
            yield problem


def _problems(document: Any, kinds: Mapping[str, StepKind], limits: DefinitionLimits) -> Iterator[Problem]:
    if not isinstance(document, dict):
        yield Problem(message="a workflow definition is an object with `name` and `steps`")
        return
    if unfit := _unfit(document, kinds, limits):
        yield from unfit
        return
    yield from shape_problems(WorkflowDefinition, document, ())
    if isinstance(document.get("input"), dict):
        for problem in check_schema(document["input"]):
            yield msgspec.structs.replace(problem, path=("input", *problem.path))
    labels = document.get("labels")
    if isinstance(labels, dict):  # that values are texts is a matter of shape
        texts = {key: value for key, value in labels.items() if isinstance(value, str)}
        yield from label_problems(texts, ("labels",))
    concurrency = document.get("concurrency")
    if isinstance(concurrency, dict):
        yield from template_problems(concurrency.get("key"), ("concurrency", "key"), _BEFORE_START)
    triggers = document.get("triggers")
    if isinstance(triggers, list):  # that they are objects is a matter of shape
        yield from triggers_problems(triggers, document.get("name"))
    steps = document.get("steps")
    if isinstance(steps, list):
        yield from steps_problems(steps, ("steps",), _TOP, Rules(kinds, limits, document.get("defaults")))
        yield from template_problems(document.get("output"), ("output",), all_visible(steps, _TOP))


def _unfit(document: dict[str, Any], kinds: Mapping[str, StepKind], limits: DefinitionLimits) -> list[Problem]:
    if too_many := count_problem(document, kinds, limits):
        return [too_many]
    if not_json := json_problems(document):
        return not_json
    too_large = size_problem(document, limits)
    return [too_large] if too_large else []


def _position(path: Path) -> tuple[tuple[int, int, str], ...]:
    """List positions sort as numbers, before names."""
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in path)


def _with_line(problem: Problem, lines: Mapping[Path, int]) -> Problem:
    for length in range(len(problem.path), -1, -1):
        line = lines.get(problem.path[:length])
        if line is not None:
            return msgspec.structs.replace(problem, line=line)
    return problem
